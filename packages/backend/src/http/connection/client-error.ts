import type { Socket } from "node:net";
import { ApiError } from "../../api/shared/api-error.ts";
import type { ErrorFormat } from "../../api/shared/wire-format.ts";
import { sendRawAnswer } from "./raw-answer.ts";

function toApiError(code: string | undefined): ApiError {
  switch (code ?? "") {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new ApiError("request_timeout", "The request did not arrive in time");
    case "HPE_HEADER_OVERFLOW":
      return new ApiError("header_too_large", "The request's headers are too large");
    default:
      return new ApiError("bad_request", "Expected an HTTP/1.1 request, got other bytes");
  }
}

/**
 * Answers what the HTTP parser rejected, as any other error is answered, and closes the connection.
 * @param errors absent where the bytes could be taken for the answer to an earlier request, or for a part of it
 */
export function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Socket,
  errors: ErrorFormat | undefined,
): void {
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable || errors === undefined) {
    socket.destroy();
    return;
  }
  sendRawAnswer(socket, toApiError(error.code), { errors });
}
