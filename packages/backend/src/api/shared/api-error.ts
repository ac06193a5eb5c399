import { describeValue } from "../../text/describe-value.ts";
import { errorEntry, type ApiErrorCode } from "./error-catalog.ts";

export interface ApiErrorDetails extends ErrorOptions {
  /** The request's field that is at fault, such as `messages[2].content[0]`. */
  readonly param?: string | undefined;
  /** The time after which the client should try again. */
  readonly retryAfterMs?: number;
  /** [the code's] */
  readonly status?: number;
}

/** An error that is sent to the client. It knows no wire format: each writes it in its own way. */
export class ApiError extends Error {
  override readonly name: string = "ApiError";
  readonly code: ApiErrorCode;
  readonly status: number;
  readonly param: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ApiErrorCode, message: string, details: ApiErrorDetails = {}) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.code = code;
    // Invalid requests get 400, never 422.
    this.status = details.status ?? errorEntry(code).status;
    this.param = details.param;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** Creates the 400 for a body, or the JSON text of a field, that is not acceptable JSON. */
export function invalidJson(expected: string, got: string, param?: string): ApiError {
  const subject = param === undefined ? "Invalid request body" : `Invalid value for \`${param}\``;
  return new ApiError("invalid_json", `${subject}: expected ${expected}, got ${got}`, { param });
}

/** Creates the 400 for a value that a field does not accept. */
export function invalidValue(
  param: string,
  expected: string,
  value: { readonly got: unknown; readonly code?: ApiErrorCode },
): ApiError {
  const { got, code = "invalid_value" } = value;
  return new ApiError(
    code,
    `Invalid value for \`${param}\`: expected ${expected}, got ${describeValue(got)}`,
    { param },
  );
}
