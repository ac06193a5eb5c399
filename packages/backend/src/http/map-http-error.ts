import type { FastifyError } from "fastify";
import { ApiError, type ApiErrorCode } from "../api/shared/api-error.ts";
import { toApiError } from "../api/shared/to-api-error.ts";

function requestError(status: number, code: ApiErrorCode, message: string): ApiError {
  return new ApiError(message, { status, type: "invalid_request_error", code });
}

/** Makes what a client is told of an error that a route or fastify threw. */
export function mapHttpError(error: unknown): ApiError {
  const { code = "", statusCode, message } = error as Partial<FastifyError>;
  switch (code) {
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
    case "FST_ERR_CTP_INVALID_TYPE":
    case "FST_ERR_CTP_EMPTY_TYPE":
      return requestError(
        415,
        "unsupported_media_type",
        "The body must be JSON: send the header `content-type: application/json`",
      );
    case "FST_ERR_BAD_URL":
    case "FST_ERR_ASYNC_CONSTRAINT":
      return requestError(400, "bad_request", "The path of the URL is not valid percent-encoding");
    default:
      if (!(error instanceof ApiError) && statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
        return requestError(statusCode, "bad_request", message ?? "The request is not valid");
      }
      return toApiError(error);
  }
}
