/** What went wrong, for programs. Listed in `docs/errors/backend.md`; never reused. */
export type BackendErrorCode =
  | "INVALID_CONFIG"
  | "MODEL_NOT_FOUND"
  | "MODEL_LOAD_FAILED"
  | "UNKNOWN_MODEL"
  | "ENGINE_START_FAILED"
  | "ENGINE_START_TIMEOUT"
  | "ENGINE_UNAVAILABLE"
  | "ENGINE_CRASHED"
  | "ENGINE_HUNG"
  | "ENGINE_PROTOCOL"
  | "PORT_IN_USE"
  | "LISTEN_FAILED"
  | "OUTPUT_FAILED"
  | "INVALID_STATE";

/** Every failure of this package itself; test `code`, not the wording. */
export class BackendError extends Error {
  override readonly name: string = "BackendError";
  readonly code: BackendErrorCode;

  constructor(code: BackendErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Codes of refused requests that this package makes itself; the others are those of the package that refused. */
export type EngineRequestErrorCode =
  | "CONTEXT_LENGTH_EXCEEDED"
  | "CHAT_TEMPLATE_MISSING"
  | "PROMPT_TIMEOUT"
  | "PROMPT_MEMORY_EXCEEDED"
  | "UNKNOWN_OPERATION"
  | "INTERNAL";

/** Plain values that explain a refused request: counts, limits, durations. */
export type EngineErrorData = Readonly<Record<string, string | number | boolean | undefined>>;

/** An engine's refusal as it crosses from the engine process: plain data. */
export interface EngineErrorRecord {
  /** The code of the package that refused, such as `CONTEXT_LENGTH_EXCEEDED` or `QUEUE_FULL`. */
  readonly code: EngineRequestErrorCode | (string & {});
  readonly message: string;
  /** The request's field that is at fault, in the engine's own spelling. */
  readonly param?: string | undefined;
  readonly data?: EngineErrorData | undefined;
}

/** A request that the engine refused or could not finish, with the engine's own code and numbers. */
export class EngineRequestError extends Error {
  override readonly name: string = "EngineRequestError";
  readonly code: string;
  readonly param: string | undefined;
  readonly data: EngineErrorData;

  constructor(record: EngineErrorRecord, options?: ErrorOptions) {
    super(record.message, options);
    this.code = record.code;
    this.param = record.param;
    this.data = record.data ?? {};
  }
}
