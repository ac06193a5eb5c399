/** Error codes of this package. Listed in `docs/errors/backend.md`; never reused. */
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
  | "STORE_OPEN_FAILED"
  | "STORE_FAILED"
  | "STORE_RECORD_MISSING"
  | "STORE_RECORD_EXISTS"
  | "STORE_RECORD_TOO_LARGE"
  | "INVALID_STATE"
  | "INVALID_ANSWER";

/** An error of this package. Test its `code`, not its message. */
export class BackendError extends Error {
  override readonly name: string = "BackendError";
  readonly code: BackendErrorCode;

  constructor(code: BackendErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Codes of rejected requests that this package defines; others come from the package that rejected the request. */
export type EngineRequestErrorCode =
  | "CONTEXT_LENGTH_EXCEEDED"
  | "CHAT_TEMPLATE_MISSING"
  | "PROMPT_TIMEOUT"
  | "PROMPT_MEMORY_EXCEEDED"
  | "CONSTRAINT_TIMEOUT"
  | "CONSTRAINT_MEMORY_EXCEEDED"
  | "UNKNOWN_OPERATION"
  | "ADAPTER_UPDATES_DISABLED"
  | "UNSUPPORTED_PARAMETER"
  | "INTERNAL";

/** Plain values that explain a rejected request: counts, limits, durations. */
export type EngineErrorData = Readonly<Record<string, string | number | boolean | undefined>>;

/** A rejection as the engine process sends it: plain data. */
export interface EngineErrorRecord {
  /** The code of the package that rejected the request, such as `CONTEXT_LENGTH_EXCEEDED` or `QUEUE_FULL`. */
  readonly code: EngineRequestErrorCode | (string & {});
  readonly message: string;
  /** The invalid field of the request, as the engine names it. */
  readonly param?: string | undefined;
  readonly data?: EngineErrorData | undefined;
}

/** A request that the engine rejected or could not finish, with the engine's code and numbers. */
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
