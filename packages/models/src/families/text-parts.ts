import type { ConfigFields } from "../config/config-fields.ts";
import { quoteValue } from "../errors.ts";

/** A class of models that take more than text. Its part of text is served, which is a network of a family. */
export interface TextPart {
  /** The class in `architectures`. */
  readonly architecture: string;
  /** `model_type` */
  readonly name: string;
  /** Families of the part; the first one where its config names none. */
  readonly families: readonly [string, ...string[]];
}

/** The classes whose text is served. */
export const textParts: readonly TextPart[] = [
  { name: "gemma3", architecture: "Gemma3ForConditionalGeneration", families: ["gemma3_text"] },
  { name: "mistral3", architecture: "Mistral3ForConditionalGeneration", families: ["mistral", "ministral3"] },
];

/** Whether a config's model takes more than the text that is served. */
export function isTextPart({ architecture }: { readonly architecture: string }): boolean {
  return textParts.some((part) => part.architecture === architecture);
}

/** Fields that take precedence where they are outside of the part. */
const outerFields = ["tie_word_embeddings", "dtype", "torch_dtype", "bos_token_id", "eos_token_id"] as const;

/**
 * Reads the config of the part, `text_config`, of which some fields may be outside of it.
 *
 * @throws ModelError `INVALID_CONFIG`, and `UNSUPPORTED_ARCHITECTURE` for a part of another family
 */
export function readTextPart(
  config: ConfigFields,
  { families }: TextPart,
): { readonly family: string; readonly fields: ConfigFields } {
  const text = config.object("text_config");
  if (text === undefined) throw config.invalid("text_config", "the config of the part of text");
  const family = text.raw("model_type") ?? families[0];
  if (typeof family !== "string" || !families.includes(family)) {
    const expected = families.length === 1 ? quoteValue(families[0]) : `one of ${families.join(", ")}`;
    throw text.invalid("model_type", expected, { code: "UNSUPPORTED_ARCHITECTURE" });
  }
  const outside = outerFields
    .filter((name) => config.has(name))
    .map((name) => [name, config.raw(name)] as const);
  return { family, fields: text.withFields(Object.fromEntries(outside)) };
}

/**
 * The name of a tensor in a network of text: those of older files are `language_model.model.…`, and those of
 * transformers 5 `model.language_model.…`. `undefined` for one of another part.
 */
export function textTensorName(stored: string): string | undefined {
  const [, head, older, newer] =
    /^(?:language_model\.)?(lm_head\..*)$|^language_model\.(model\..*)$|^model\.language_model\.(.*)$/.exec(
      stored,
    ) ?? [];
  return head ?? older ?? (newer === undefined ? undefined : `model.${newer}`);
}
