import type { Socket } from "node:net";
import { ApiError, type ApiErrorCode } from "../openai/api-error.ts";
import { randomId } from "./request-id.ts";

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

const statusTexts: Readonly<Record<number, string>> = {
  400: "Bad Request",
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
};

/** Answers what the HTTP parser refused, in the same shape as every other error, and closes the connection. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  // The answer to an earlier request may be half written; bytes in its middle would be taken for its own.
  if (socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const { status, code, message } = describe(error.code);
  const body = JSON.stringify(new ApiError(message, { status, type: "invalid_request_error", code }).body);
  socket.end(
    `HTTP/1.1 ${status} ${statusTexts[status]}\r\ncontent-type: application/json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nx-request-id: req_${randomId()}\r\nconnection: close\r\n\r\n${body}`,
  );
}
