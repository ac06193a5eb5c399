import type { Socket } from "node:net";
import type { ApiErrorCode } from "../api/shared/api-error.ts";
import { sendRawAnswer } from "./raw-answer.ts";

function describe(code: string | undefined): {
  readonly status: number;
  readonly code: ApiErrorCode;
  readonly message: string;
} {
  switch (code ?? "") {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return { status: 408, code: "request_timeout", message: "The request did not arrive in time" };
    case "HPE_HEADER_OVERFLOW":
      return { status: 431, code: "header_too_large", message: "The request's headers are too large" };
    default:
      return { status: 400, code: "bad_request", message: "The bytes received are not an HTTP/1.1 request" };
  }
}

/**
 * Answers what the HTTP parser refused, in the same shape as every other error, and closes the connection.
 * @param mayAnswer whether the bytes would not be taken for the answer to an earlier request, or land in its middle
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket, mayAnswer: boolean): void {
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable || !mayAnswer) {
    socket.destroy();
    return;
  }
  const { message, ...details } = describe(error.code);
  sendRawAnswer(socket, message, { ...details, type: "invalid_request_error" });
}
