import type { SamplingParams } from "@infernode/inference";
import type { GenerationDefaults } from "@infernode/models";
import { BackendError } from "../errors.ts";

/** How `play` answers. */
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
  rule: { readonly flag: string; readonly min: number; readonly max: number; readonly isWhole: boolean },
): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  const { flag, min, max, isWhole } = rule;
  if (!(value >= min && value <= max) || (isWhole && !Number.isInteger(value))) {
    const kind = isWhole ? "a whole number" : "a number";
    throw new BackendError(
      "INVALID_CONFIG",
      `${flag}: wanted ${kind} from ${min} to ${max}, found ${JSON.stringify(text)}`,
    );
  }
  return value;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Reads the flags of `play` that are no settings. @throws BackendError `INVALID_CONFIG` */
export function parsePlayOptions(values: Readonly<Record<string, unknown>>): PlayOptions {
  const whole = { min: 1, max: 2 ** 24, isWhole: true };
  return {
    prompt: textOf(values["prompt"]),
    system: textOf(values["system"]),
    temperature: parseNumber(textOf(values["temperature"]), {
      flag: "--temperature",
      min: 0,
      max: 2,
      isWhole: false,
    }),
    maxTokens: parseNumber(textOf(values["maxTokens"]), { flag: "--max-tokens", ...whole }),
    seed: parseNumber(textOf(values["seed"]), {
      flag: "--seed",
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      isWhole: true,
    }),
    isVerbose: values["verbose"] === true,
  };
}

/** The checkpoint's recommended sampling, with the flags over it. */
export function samplingOf(options: PlayOptions, defaults: GenerationDefaults): Partial<SamplingParams> {
  const { maxNewTokens: _, ...sampling } = defaults;
  return {
    ...sampling,
    ...(options.temperature === undefined ? {} : { temperature: options.temperature }),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
  };
}
