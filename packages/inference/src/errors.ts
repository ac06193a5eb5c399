/** What went wrong. Listed in `docs/errors/inference.md`; codes are never reused. */
export type InferenceErrorCode =
  | "INVALID_REQUEST"
  | "CONTEXT_LENGTH_EXCEEDED"
  | "QUEUE_FULL"
  | "ENGINE_DRAINING"
  | "ENGINE_DISPOSED"
  | "STREAM_CONSUMED"
  | "INVALID_ENGINE_OPTIONS"
  | "INVALID_EXECUTOR_OPTIONS"
  | "EXECUTOR_UNAVAILABLE"
  | "EXECUTOR_FAILED"
  | "DEVICE_LOST"
  | "EXECUTOR_DISPOSED"
  | "DECODER_FAILED"
  | "KV_CACHE_FULL"
  | "CONSTRAINT_DEAD_END"
  | "INVALID_BATCH"
  | "INVALID_ADAPTER"
  | "SHAPE_MISMATCH"
  | "NON_FINITE_WEIGHTS"
  | "UNSUPPORTED_DTYPE"
  | "UNSUPPORTED_MODEL"
  | "INVALID_CONSTRAINT"
  | "UNSUPPORTED_CONSTRAINT"
  | "CONSTRAINT_TOO_LARGE";

/** The halves of a message: `` `sampling.topP`: expected a number from 0 to 1, got 3 ``. */
export interface Mismatch {
  /** The field, as its caller spells it. */
  readonly field?: string | undefined;
  readonly expected: string;
  /** A value that a caller gave is written with `quoteValue`. */
  readonly got: string | number;
}

/** Every failure of this package; test `code`, not the wording. */
export class InferenceError extends Error {
  override readonly name: string = "InferenceError";
  readonly code: InferenceErrorCode;

  constructor(code: InferenceErrorCode, what: string | Mismatch, options?: ErrorOptions) {
    super(typeof what === "string" ? what : describeMismatch(what), options);
    this.code = code;
  }
}

/** A request's field that is out of range or of the wrong kind; code `INVALID_REQUEST`. */
export class InvalidRequestError extends InferenceError {
  override readonly name: string = "InvalidRequestError";
  /** The field as `GenerationRequest` spells it, such as `sampling.topP` or `promptTokenIds[3]`. */
  readonly param: string;
  readonly expected: string;
  readonly got: string;

  constructor(param: string, expected: string, value: unknown) {
    const got = quoteValue(value);
    super("INVALID_REQUEST", { field: param, expected, got });
    this.param = param;
    this.expected = expected;
    this.got = got;
  }
}

/** Lengths that do not fit together. */
export interface ContextLengths {
  readonly promptTokens: number;
  /** As the request said; `undefined` where it left the length open. */
  readonly maxTokens: number | undefined;
  readonly contextTokens: number;
}

/** A prompt that, with the tokens to generate, is longer than the context; code `CONTEXT_LENGTH_EXCEEDED`. */
export class ContextLengthError extends InferenceError implements ContextLengths {
  override readonly name: string = "ContextLengthError";
  readonly param: string = "promptTokenIds";
  readonly promptTokens: number;
  readonly maxTokens: number | undefined;
  readonly contextTokens: number;

  constructor({ promptTokens, maxTokens, contextTokens }: ContextLengths) {
    const total = `${maxTokens === undefined ? "at least " : ""}${promptTokens + (maxTokens ?? 1)}`;
    super("CONTEXT_LENGTH_EXCEEDED", {
      expected: `at most ${contextTokens} tokens, the maximum context length`,
      got: `${total} (${promptTokens} in the prompt and ${maxTokens ?? 1} to generate)`,
    });
    this.promptTokens = promptTokens;
    this.maxTokens = maxTokens;
    this.contextTokens = contextTokens;
  }
}

/** Which limit of a queue a request exceeds, and by how much. */
export interface QueueOverflow {
  readonly resource: "requests" | "tokens";
  readonly limit: number;
  /** What would be waiting, this request included. */
  readonly requested: number;
  /** The queue's estimated time at the recent rate; from 1000 to 60000. */
  readonly retryAfterMs: number;
}

/** The queue is full; code `QUEUE_FULL`. Try again after `retryAfterMs`. */
export class QueueFullError extends InferenceError implements QueueOverflow {
  override readonly name: string = "QueueFullError";
  readonly resource: "requests" | "tokens";
  readonly limit: number;
  readonly requested: number;
  readonly retryAfterMs: number;

  constructor({ resource, limit, requested, retryAfterMs }: QueueOverflow) {
    super(
      "QUEUE_FULL",
      `expected at most ${limit} waiting ${resource}, got ${requested} with this request; try again in ${retryAfterMs} ms`,
    );
    this.resource = resource;
    this.limit = limit;
    this.requested = requested;
    this.retryAfterMs = retryAfterMs;
  }
}

function describeMismatch({ field, expected, got }: Mismatch): string {
  return `${field === undefined ? "" : `\`${field}\`: `}expected ${expected}, got ${got}`;
}

/** Writes a caller's value into a message: short, and never the whole of a long one. */
export function quoteValue(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "bigint") return `${value}n`;
  if (Array.isArray(value) || value instanceof Int32Array) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  const text = String(value);
  return text === "undefined" ? "nothing" : text;
}

/** The message of anything that can be thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Makes the error of a row of logits that no token can be sampled from. */
export function nonFiniteLogits({
  logitCount,
  nanCount,
  infiniteCount,
}: {
  readonly logitCount: number;
  readonly nanCount: number;
  readonly infiniteCount: number;
}): InferenceError {
  const expected = `${logitCount} logits with a finite maximum`;
  const got = `${nanCount} NaN and ${infiniteCount} infinite`;
  return new InferenceError("EXECUTOR_FAILED", { expected, got });
}
