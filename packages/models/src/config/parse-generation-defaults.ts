import { ConfigFields, type ConfigSource, type IntegerRange, type NumberRange } from "./config-fields.ts";

/** Sampling parameters that the checkpoint recommends (`generation_config.json`). */
export interface GenerationDefaults {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly maxNewTokens?: number;
}

const maxTopK = 2 ** 31 - 1;

/**
 * Reads the sampling parameters of `generation_config.json`; `do_sample: false` means greedy. The bounds
 * are those of a request, so that a request without a field cannot fail because of the checkpoint's value.
 *
 * @throws ModelError `INVALID_CONFIG`
 */
export function parseGenerationDefaults(
  generationConfig: unknown,
  source: string | ConfigSource = "generation_config.json",
): GenerationDefaults {
  if (generationConfig === undefined || generationConfig === null) {
    return Object.freeze({});
  }
  const fields = new ConfigFields(generationConfig, source);
  const number = (name: string, range: NumberRange): number | undefined =>
    fields.has(name) ? fields.number(name, range) : undefined;
  const integer = (name: string, range: IntegerRange): number | undefined =>
    fields.has(name) ? fields.integer(name, range) : undefined;
  const isGreedy = fields.has("do_sample") && !fields.boolean("do_sample", true);
  // −1 disables it, as 0 does.
  const topK = integer("top_k", { min: -1, max: maxTopK });
  const defaults: { -readonly [K in keyof GenerationDefaults]: GenerationDefaults[K] | undefined } = {
    temperature: isGreedy ? 0 : number("temperature", { min: 0, max: 2 }),
    topP: number("top_p", { above: 0, max: 1 }),
    topK: topK === undefined ? undefined : Math.max(topK, 0),
    minP: number("min_p", { min: 0, max: 1 }),
    repetitionPenalty: number("repetition_penalty", { min: 0.01, max: 100 }),
    maxNewTokens: integer("max_new_tokens", { max: Number.MAX_SAFE_INTEGER }),
  };
  return Object.freeze(
    Object.fromEntries(
      Object.entries(defaults).filter(([, value]) => value !== undefined),
    ) as GenerationDefaults,
  );
}
