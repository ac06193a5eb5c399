import type { ModelConfig } from "./config/model-config.ts";
import type { ReadTextOptions, StoredText } from "./formats/checkpoint-format.ts";
import { findModel } from "./formats/find-model.ts";
import { findTurnEnds } from "./find-turn-ends.ts";
import type { FoundModel, ModelSource } from "./formats/find-model.ts";
import { assertTokenizerFits } from "./tokenizer/assert-tokenizer-fits.ts";

/** Tokenizer and chat template of a model, checked against its network. */
export interface ModelText extends StoredText {
  /** The checkpoint's config; its end-of-sequence tokens include the tokenizer's. */
  readonly config: ModelConfig;
}

/** Options of `loadModelText`. */
export interface LoadModelTextOptions
  extends ModelSource, Pick<ReadTextOptions, "now" | "chatTemplatePath" | "hasTimeLimit"> {}

/**
 * Loads tokenizer and chat template of a model without its network, for a thread that tokenizes.
 *
 * @throws ModelError with a code
 */
export async function loadModelText(
  directory: string,
  options: LoadModelTextOptions = {},
): Promise<StoredText> {
  const { location, format } = await findModel(directory, options);
  return format.readText(location, options);
}

/**
 * Reads tokenizer and chat template of a model and compares them with the config of its network.
 *
 * @throws ModelError with a code
 */
export async function readModelText(
  { location, format }: FoundModel,
  config: ModelConfig,
  options: ReadTextOptions,
): Promise<ModelText> {
  const text = await format.readText(location, options);
  assertTokenizerFits(text.tokenizer, config);
  return { ...text, config: withEndTokens(config, text) };
}

/** Adds the tokenizer's own end of a text, and ends of turns, which many configs lack. */
function withEndTokens(config: ModelConfig, text: StoredText): ModelConfig {
  const { tokenizer, endTokenIds = findTurnEnds(text) } = text;
  const more = [tokenizer.eosTokenId, ...endTokenIds].filter((id) => id !== undefined);
  const ids = new Set([...config.eosTokenIds, ...more]);
  if (ids.size === config.eosTokenIds.length) return config;
  return Object.freeze({ ...config, eosTokenIds: Object.freeze([...ids]) });
}
