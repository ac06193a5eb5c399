/** The `type` of OpenAI's error object. */
export type ApiErrorType =
  | "invalid_request_error"
  | "authentication_error"
  | "rate_limit_error"
  | "server_error";

/** The `code` of OpenAI's error object, as this server uses it. Listed in `docs/errors/http.md`; never reused. */
export type ApiErrorCode =
  | "invalid_json"
  | "invalid_type"
  | "invalid_value"
  | "missing_required_parameter"
  | "unknown_parameter"
  | "unsupported_parameter"
  | "unsupported_content"
  | "context_length_exceeded"
  | "model_not_found"
  | "chat_template_missing"
  | "chat_template_failed"
  | "tokenizer_failed"
  | "prompt_timeout"
  | "prompt_memory_exceeded"
  | "unknown_url"
  | "method_not_allowed"
  | "request_too_large"
  | "request_timeout"
  | "header_too_large"
  | "bad_request"
  | "host_not_allowed"
  | "origin_not_allowed"
  | "unsupported_media_type"
  | "queue_full"
  | "server_overloaded"
  | "engine_unavailable"
  | "engine_crashed"
  | "generation_failed"
  | "internal_error";

export interface ApiErrorDetails {
  readonly status: number;
  readonly type: ApiErrorType;
  readonly code: ApiErrorCode;
  /** The request's field that is at fault, such as `messages[2].content[0]`. */
  readonly param?: string | undefined;
  /** More response headers, such as `retry-after`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** OpenAI's error body, exactly. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: ApiErrorType;
    readonly param: string | null;
    readonly code: ApiErrorCode;
  };
}

/** A failure that a client is told of, as OpenAI's API says it. */
export class ApiError extends Error {
  override readonly name: string = "ApiError";
  readonly status: number;
  readonly type: ApiErrorType;
  readonly code: ApiErrorCode;
  readonly param: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(message: string, details: ApiErrorDetails, options?: ErrorOptions) {
    super(message, options);
    this.status = details.status;
    this.type = details.type;
    this.code = details.code;
    this.param = details.param;
    this.headers = details.headers ?? {};
  }

  /** The response body. */
  get body(): ErrorBody {
    return { error: { message: this.message, type: this.type, param: this.param ?? null, code: this.code } };
  }
}

/** Makes the 400 that names a field; status 400 and never 422, which clients retry. */
export function invalidRequest(
  message: string,
  details: { readonly code?: ApiErrorCode; readonly param?: string | undefined } = {},
): ApiError {
  return new ApiError(message, {
    status: 400,
    type: "invalid_request_error",
    code: details.code ?? "invalid_value",
    param: details.param,
  });
}
