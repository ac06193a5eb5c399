/** What went wrong, for programs. Listed in `docs/errors/inference.md`; never reused. */
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
  | "EXECUTOR_DISPOSED"
  | "DECODER_FAILED"
  | "KV_CACHE_FULL"
  | "INVALID_BATCH"
  | "SHAPE_MISMATCH"
  | "NON_FINITE_WEIGHTS"
  | "UNSUPPORTED_DTYPE"
  | "UNSUPPORTED_MODEL";

/** Every failure of this package; test `code`, not the wording. */
export class InferenceError extends Error {
  override readonly name: string = "InferenceError";
  readonly code: InferenceErrorCode;

  constructor(code: InferenceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A request's field that is out of range or of the wrong kind; code `INVALID_REQUEST`. */
export class InvalidRequestError extends InferenceError {
  override readonly name: string = "InvalidRequestError";
  /** The field as `GenerationRequest` spells it, such as `sampling.topP` or `promptTokenIds[3]`. */
  readonly param: string;
  readonly wanted: string;
  readonly found: string;

  constructor(param: string, wanted: string, found: unknown) {
    const shown = describeValue(found);
    super("INVALID_REQUEST", `\`${param}\` must be ${wanted}; found ${shown}`);
    this.param = param;
    this.wanted = wanted;
    this.found = shown;
  }
}

/** A prompt that, with the tokens asked for, is longer than the context; code `CONTEXT_LENGTH_EXCEEDED`. */
export class ContextLengthError extends InferenceError {
  override readonly name: string = "ContextLengthError";
  readonly param: string = "promptTokenIds";
  readonly promptTokens: number;
  /** As the request said; `undefined` where it left the length open. */
  readonly maxTokens: number | undefined;
  readonly contextTokens: number;

  constructor(lengths: {
    readonly promptTokens: number;
    readonly maxTokens: number | undefined;
    readonly contextTokens: number;
  }) {
    const { promptTokens, maxTokens, contextTokens } = lengths;
    const asked =
      maxTokens === undefined
        ? `at least ${promptTokens + 1} tokens (${promptTokens} in the prompt and 1 to generate)`
        : `${promptTokens + maxTokens} tokens (${promptTokens} in the prompt and ${maxTokens} to generate)`;
    super(
      "CONTEXT_LENGTH_EXCEEDED",
      `the maximum context length is ${contextTokens} tokens; the request needs ${asked}`,
    );
    this.promptTokens = promptTokens;
    this.maxTokens = maxTokens;
    this.contextTokens = contextTokens;
  }
}

/** The waiting room is full; code `QUEUE_FULL`. Try again after `retryAfterMs`. */
export class QueueFullError extends InferenceError {
  override readonly name: string = "QueueFullError";
  /** Which limit was met. */
  readonly resource: "requests" | "tokens";
  readonly limit: number;
  /** What would have been waiting, this request included. */
  readonly wanted: number;
  /** When those who wait have been served at the speed of late; from 1000 to 60000. */
  readonly retryAfterMs: number;

  constructor(queue: {
    readonly resource: "requests" | "tokens";
    readonly limit: number;
    readonly wanted: number;
    readonly retryAfterMs: number;
  }) {
    super(
      "QUEUE_FULL",
      `at most ${queue.limit} ${queue.resource} may wait; with this request it would be ${queue.wanted}; try again in ${queue.retryAfterMs} ms`,
    );
    this.resource = queue.resource;
    this.limit = queue.limit;
    this.wanted = queue.wanted;
    this.retryAfterMs = queue.retryAfterMs;
  }
}

/** Shows a wrong value in a message: short, and never the whole of a long one. */
function describeValue(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (Array.isArray(value) || value instanceof Int32Array) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "bigint" ? `${value}n` : String(value);
}
