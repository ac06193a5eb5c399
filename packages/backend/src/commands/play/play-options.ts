import type { SamplingParams } from "@infernode/inference";
import type { GenerationDefaults } from "@infernode/models";
import { BackendError } from "../../errors.ts";

/** Options of `play` that are not settings. */
export interface PlayOptions {
  readonly prompt: string | undefined;
  readonly system: string | undefined;
  readonly temperature: number | undefined;
  readonly maxTokens: number | undefined;
  readonly seed: number | undefined;
  readonly isVerbose: boolean;
}

function parseNumber(
  text: string | undefined,
  rule: { readonly flag: string; readonly min: number; readonly max: number; readonly isInteger: boolean },
): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  const { flag, min, max, isInteger } = rule;
  if (!(value >= min && value <= max) || (isInteger && !Number.isInteger(value))) {
    const kind = isInteger ? "an integer" : "a number";
    throw new BackendError(
      "INVALID_CONFIG",
      `${flag}: expected ${kind} from ${min} to ${max}, got ${JSON.stringify(text)}`,
    );
  }
  return value;
}

function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Parses the flags of `play` that are not settings. @throws BackendError `INVALID_CONFIG` */
export function parsePlayOptions(values: Readonly<Record<string, unknown>>): PlayOptions {
  const positiveInteger = { min: 1, max: 2 ** 24, isInteger: true };
  return {
    prompt: asText(values["prompt"]),
    system: asText(values["system"]),
    temperature: parseNumber(asText(values["temperature"]), {
      flag: "--temperature",
      min: 0,
      max: 2,
      isInteger: false,
    }),
    maxTokens: parseNumber(asText(values["maxTokens"]), { flag: "--max-tokens", ...positiveInteger }),
    seed: parseNumber(asText(values["seed"]), {
      flag: "--seed",
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      isInteger: true,
    }),
    isVerbose: values["verbose"] === true,
  };
}

/** Merges the sampling parameters that the checkpoint recommends with the flags, which take precedence. */
export function resolveSampling(options: PlayOptions, defaults: GenerationDefaults): Partial<SamplingParams> {
  const { maxNewTokens: _, ...sampling } = defaults;
  return {
    ...sampling,
    ...(options.temperature === undefined ? {} : { temperature: options.temperature }),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
  };
}
