import type { Socket } from "node:net";
import { ApiError, type ApiErrorDetails } from "../api/shared/api-error.ts";
import { randomId } from "./request-id.ts";

const statusTexts: Readonly<Record<number, string>> = {
  400: "Bad Request",
  405: "Method Not Allowed",
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
  503: "Service Unavailable",
};

/** Writes an error to a connection that has no response object, in the shape of every other one, and closes it. */
export function sendRawAnswer(socket: Socket, message: string, details: ApiErrorDetails): void {
  const { body, status, headers } = new ApiError(message, details);
  const text = JSON.stringify(body);
  const lines = [
    `HTTP/1.1 ${status} ${statusTexts[status] ?? "Error"}`,
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(text)}`,
    `x-request-id: req_${randomId()}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    "connection: close",
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n${text}`);
  socket.destroySoon();
}
