import { ContextLengthError, InvalidRequestError } from "../errors.ts";
import type { ConstraintPort } from "../ports.ts";
import type { GenerationRequest, StopParams } from "./request.ts";
import { defaultSamplingParams, type SamplingParams } from "../sampling/sampling-params.ts";
import { hasAtMost, requestLimits } from "./request-limits.ts";
import { type FieldReader, readFields } from "./read-fields.ts";

/** A request with defaults filled in. */
export interface ResolvedRequest {
  readonly id: string | undefined;
  readonly promptTokenIds: Int32Array;
  readonly sampling: SamplingParams;
  readonly stopping: StopParams & { readonly maxTokens: number };
  readonly constraint: ConstraintPort | undefined;
  readonly adapter: number;
  readonly predictedTokenIds: Int32Array | undefined;
  readonly n: number;
  readonly logprobs: number | undefined;
  readonly promptLogprobs: number | undefined;
  readonly keepResult: boolean;
  readonly skipSpecialTokens: boolean;
  readonly keptSpecialTokenIds: readonly number[];
  readonly signal: AbortSignal | undefined;
}

/**
 * Checks every field and fills in the defaults.
 *
 * @throws InferenceError `INVALID_REQUEST` with the field, `CONTEXT_LENGTH_EXCEEDED`
 */
export function resolveGenerationRequest(
  request: GenerationRequest,
  model: {
    readonly vocabSize: number;
    readonly contextTokens: number;
    /** Places of adapters. [0] */
    readonly maxAdapters?: number;
  },
): ResolvedRequest {
  const fields = readFields("", request);
  const resolved = {
    id: fields.string("id"),
    promptTokenIds: resolvePrompt(fields.take("promptTokenIds"), model.vocabSize),
    predictedTokenIds: resolvePrediction(fields.take("predictedTokenIds"), model),
    sampling: resolveSampling(readFields("sampling", fields.take("sampling") ?? {}), model.vocabSize),
    constraint: resolveConstraint(fields.take("constraint")),
    adapter: fields.integer("adapter", { start: 0, last: model.maxAdapters ?? 0 }) ?? 0,
    n: fields.integer("n", { start: 1, last: requestLimits.maxAnswers }) ?? 1,
    logprobs: fields.integer("logprobs", { start: 0, last: requestLimits.maxLogprobs }),
    promptLogprobs: fields.integer("promptLogprobs", { start: 0, last: requestLimits.maxLogprobs }),
    keepResult: fields.boolean("keepResult") ?? true,
    skipSpecialTokens: fields.boolean("skipSpecialTokens") ?? true,
    keptSpecialTokenIds: resolveTokenIds(
      "keptSpecialTokenIds",
      fields.take("keptSpecialTokenIds"),
      model.vocabSize,
    ),
    signal: resolveSignal(fields.take("signal")),
  };
  const stopping = resolveStopping(readFields("stopping", fields.take("stopping") ?? {}), {
    ...model,
    promptTokens: resolved.promptTokenIds.length,
    leastTokens: resolved.promptLogprobs === undefined ? 1 : 0,
  });
  fields.end();
  return Object.freeze({ ...resolved, stopping });
}

function resolvePrompt(value: unknown, vocabSize: number): Int32Array {
  const tokenIds = resolveTokenArray("promptTokenIds", value, vocabSize);
  if (tokenIds.length === 0) throw new InvalidRequestError("promptTokenIds", "at least 1 token", value);
  return tokenIds;
}

function resolvePrediction(
  value: unknown,
  { vocabSize, contextTokens }: { readonly vocabSize: number; readonly contextTokens: number },
): Int32Array | undefined {
  if (value === undefined) return undefined;
  const tokenIds = resolveTokenArray("predictedTokenIds", value, vocabSize);
  if (tokenIds.length <= contextTokens) return tokenIds;
  const expected = `at most ${contextTokens} tokens, the model's context`;
  throw new InvalidRequestError("predictedTokenIds", expected, tokenIds.length);
}

function resolveTokenArray(field: string, value: unknown, vocabSize: number): Int32Array {
  if (!Array.isArray(value) && !(value instanceof Int32Array) && !(value instanceof Uint32Array)) {
    throw new InvalidRequestError(field, "an array of token ids", value);
  }
  for (let at = 0; at < value.length; at += 1) {
    const tokenId: unknown = value[at];
    if (!isTokenId(tokenId, vocabSize)) throw invalidTokenId(`${field}[${at}]`, tokenId, vocabSize);
  }
  return Int32Array.from(value);
}

function resolveSampling(fields: FieldReader, vocabSize: number): SamplingParams {
  const defaults = defaultSamplingParams;
  const sampling: SamplingParams = {
    temperature: fields.number("temperature", { least: 0, most: 2 }) ?? defaults.temperature,
    topP: fields.number("topP", { above: 0, most: 1 }) ?? defaults.topP,
    topK: fields.integer("topK", { start: 0, last: 0x7fffffff }) ?? defaults.topK,
    minP: fields.number("minP", { least: 0, most: 1 }) ?? defaults.minP,
    presencePenalty: fields.number("presencePenalty", { least: -2, most: 2 }) ?? defaults.presencePenalty,
    frequencyPenalty: fields.number("frequencyPenalty", { least: -2, most: 2 }) ?? defaults.frequencyPenalty,
    repetitionPenalty:
      fields.number("repetitionPenalty", { above: 0, most: Number.MAX_VALUE }) ?? defaults.repetitionPenalty,
    logitBias: resolveLogitBias(fields.take("logitBias"), vocabSize),
    allowedTokenIds: resolveAllowed(fields.take("allowedTokenIds"), vocabSize),
    bannedSequences: resolveBanned(fields.take("bannedSequences"), vocabSize),
    seed: resolveSeed(fields.take("seed")),
  };
  fields.end();
  return Object.freeze(sampling);
}

function resolveSeed(value: unknown): number | bigint | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value))) {
    const seed = BigInt(value);
    if (seed >= requestLimits.minSeed && seed <= requestLimits.maxSeed) return value;
  }
  throw new InvalidRequestError(
    "sampling.seed",
    `an integer from ${requestLimits.minSeed} to ${requestLimits.maxSeed}`,
    value,
  );
}

function resolveLogitBias(value: unknown, vocabSize: number): ReadonlyMap<number, number> {
  if (value === undefined) return defaultSamplingParams.logitBias;
  if (!(value instanceof Map)) {
    throw new InvalidRequestError("sampling.logitBias", "a Map from token id to bias", value);
  }
  for (const [tokenId, bias] of value as Map<unknown, unknown>) {
    const field = `sampling.logitBias[${String(tokenId)}]`;
    assertTokenId(field, tokenId, vocabSize);
    if (typeof bias !== "number" || !(Math.abs(bias) <= requestLimits.maxLogitBias)) {
      throw new InvalidRequestError(
        field,
        `a number from ${-requestLimits.maxLogitBias} to ${requestLimits.maxLogitBias}`,
        bias,
      );
    }
  }
  return new Map(value as Map<number, number>);
}

function resolveAllowed(value: unknown, vocabSize: number): readonly number[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length === 0) {
    throw new InvalidRequestError("sampling.allowedTokenIds", "an array of at least 1 token id", value);
  }
  return value.map((id: unknown, at) => assertTokenId(`sampling.allowedTokenIds[${at}]`, id, vocabSize));
}

function resolveBanned(value: unknown, vocabSize: number): readonly (readonly number[])[] {
  const { maxBannedSequences, maxBannedTokens } = requestLimits;
  const param = "sampling.bannedSequences";
  if (value === undefined) return defaultSamplingParams.bannedSequences;
  if (!Array.isArray(value) || value.length > maxBannedSequences) {
    throw new InvalidRequestError(param, `an array of at most ${maxBannedSequences} sequences`, value);
  }
  return value.map((sequence: unknown, at) => {
    const field = `${param}[${at}]`;
    if (!Array.isArray(sequence) || sequence.length === 0 || sequence.length > maxBannedTokens) {
      throw new InvalidRequestError(field, `an array of 1 to ${maxBannedTokens} token ids`, sequence);
    }
    return sequence.map((id: unknown, index) => assertTokenId(`${field}[${index}]`, id, vocabSize));
  });
}

function resolveStopping(
  fields: FieldReader,
  model: {
    readonly vocabSize: number;
    readonly contextTokens: number;
    readonly promptTokens: number;
    /** 0 where the request is for log-probabilities of the prompt. */
    readonly leastTokens: number;
  },
): StopParams & { readonly maxTokens: number } {
  const { promptTokens, contextTokens, vocabSize, leastTokens } = model;
  const requested = fields.integer("maxTokens", { start: leastTokens, last: Number.MAX_SAFE_INTEGER });
  if (promptTokens + (requested ?? 1) > contextTokens) {
    throw new ContextLengthError({ promptTokens, maxTokens: requested, contextTokens });
  }
  const maxTokens = requested ?? contextTokens - promptTokens;
  const stopping = {
    maxTokens,
    minTokens: fields.integer("minTokens", { start: 0, last: maxTokens }) ?? 0,
    stop: resolveStop(fields.take("stop")),
    stopTokenIds: resolveTokenIds("stopping.stopTokenIds", fields.take("stopTokenIds"), vocabSize),
    ignoreEos: fields.boolean("ignoreEos") ?? false,
    includeStopInOutput: fields.boolean("includeStopInOutput") ?? false,
  };
  fields.end();
  return Object.freeze(stopping);
}

function resolveStop(value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new InvalidRequestError("stopping.stop", "an array of strings", value);
  if (value.length > requestLimits.maxStopStrings) {
    throw new InvalidRequestError("stopping.stop", `at most ${requestLimits.maxStopStrings} strings`, value);
  }
  return value.map((text: unknown, at) => {
    if (typeof text === "string" && text !== "" && hasAtMost(text, requestLimits.maxStopCharacters)) {
      return text;
    }
    throw new InvalidRequestError(
      `stopping.stop[${at}]`,
      `a string of 1 to ${requestLimits.maxStopCharacters} characters`,
      text,
    );
  });
}

function resolveTokenIds(field: string, value: unknown, vocabSize: number): readonly number[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new InvalidRequestError(field, "an array of token ids", value);
  return value.map((tokenId: unknown, at) => assertTokenId(`${field}[${at}]`, tokenId, vocabSize));
}

function resolveConstraint(value: unknown): ConstraintPort | undefined {
  if (value === undefined || isConstraint(value)) return value;
  throw new InvalidRequestError("constraint", "an object with a method `start`", value);
}

function isConstraint(value: unknown): value is ConstraintPort {
  return typeof value === "object" && value !== null && "start" in value && typeof value.start === "function";
}

function resolveSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value;
  throw new InvalidRequestError("signal", "an AbortSignal", value);
}

function assertTokenId(field: string, value: unknown, vocabSize: number): number {
  if (isTokenId(value, vocabSize)) return value;
  throw invalidTokenId(field, value, vocabSize);
}

function isTokenId(value: unknown, vocabSize: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < vocabSize;
}

function invalidTokenId(field: string, value: unknown, vocabSize: number): InvalidRequestError {
  return new InvalidRequestError(field, `a token id from 0 to ${vocabSize - 1}`, value);
}
