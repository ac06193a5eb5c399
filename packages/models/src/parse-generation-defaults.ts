import { ConfigFields } from "./config-fields.ts";
import type { GenerationDefaults } from "./model-loader.ts";

/**
 * Reads the sampling that `generation_config.json` recommends. Greedy where it says `do_sample: false`.
 *
 * @throws ModelError `INVALID_CONFIG`
 */
export function parseGenerationDefaults(generationConfig: unknown): GenerationDefaults {
  if (generationConfig === undefined || generationConfig === null) {
    return Object.freeze({});
  }
  const fields = new ConfigFields(generationConfig, "generation_config.json");
  const number = (
    name: string,
    range: { readonly above: number; readonly max: number },
  ): number | undefined => (fields.has(name) ? fields.number(name, range) : undefined);
  const integer = (name: string, min: number): number | undefined =>
    fields.has(name) ? fields.integer(name, { min, max: 2 ** 30 }) : undefined;
  const zeroToOne = { above: -Number.MIN_VALUE, max: 1 };
  const isGreedy = fields.has("do_sample") && !fields.boolean("do_sample", true);
  const defaults: { -readonly [K in keyof GenerationDefaults]: GenerationDefaults[K] | undefined } = {
    temperature: isGreedy ? 0 : number("temperature", { above: -Number.MIN_VALUE, max: 100 }),
    topP: number("top_p", zeroToOne),
    topK: integer("top_k", 0),
    minP: number("min_p", zeroToOne),
    repetitionPenalty: number("repetition_penalty", { above: 0, max: 100 }),
    maxNewTokens: integer("max_new_tokens", 1),
  };
  return Object.freeze(
    Object.fromEntries(
      Object.entries(defaults).filter(([, value]) => value !== undefined),
    ) as GenerationDefaults,
  );
}
