import type { SamplingParams } from "@infernode/inference";
import type { ServedModel } from "../models/model-service.ts";

type Defined<T> = { readonly [Name in keyof T]?: Exclude<T[Name], undefined> };

/** Leaves out what is `undefined`. */
export function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
}

/** What a request asks for. */
type AskedSampling = { readonly [Name in keyof SamplingParams]?: SamplingParams[Name] | undefined };

/** How the engine samples: as asked, else as the checkpoint says; a `topK` below 0 is none. */
export function toSampling(
  asked: AskedSampling,
  { temperature, topP, topK, minP, repetitionPenalty }: ServedModel["generationDefaults"],
): Partial<SamplingParams> {
  const defaults = defined({ temperature, topP, topK, minP, repetitionPenalty });
  const sampling: Partial<SamplingParams> = { ...defaults, ...defined(asked) };
  return sampling.topK === undefined ? sampling : { ...sampling, topK: Math.max(sampling.topK, 0) };
}
