import type { FastifyError } from "fastify";
import { ApiError } from "../api/shared/api-error.ts";
import { toApiError } from "../api/shared/to-api-error.ts";

/** Converts an error that a route or fastify threw to the one that the client gets. */
export function mapHttpError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const { code = "", statusCode: status = 500, message } = error as Partial<FastifyError>;
  switch (code) {
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
    case "FST_ERR_CTP_INVALID_TYPE":
    case "FST_ERR_CTP_EMPTY_TYPE":
      return new ApiError(
        "unsupported_media_type",
        "Expected a JSON body: send the header `content-type: application/json`",
      );
    case "FST_ERR_BAD_URL":
    case "FST_ERR_ASYNC_CONSTRAINT":
      return new ApiError("bad_request", "The path of the URL is not valid percent-encoding");
    default:
      return status >= 400 && status < 500
        ? new ApiError("bad_request", message ?? "The request is not valid", { status })
        : toApiError(error);
  }
}
