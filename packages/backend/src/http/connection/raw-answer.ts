import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { ApiError } from "../../api/shared/api-error.ts";
import type { ErrorFormat } from "../../api/shared/wire-format.ts";
import { randomId } from "./request-id.ts";

/** The headers that say when to try again; none where that would not help. */
export function retryHeaders({ retryAfterMs }: ApiError): Readonly<Record<string, string>> {
  if (retryAfterMs === undefined) return {};
  return { "retry-after": String(Math.ceil(retryAfterMs / 1000)), "retry-after-ms": String(retryAfterMs) };
}

/** Writes an error to a connection that has no response object, as any other error is written, and closes it. */
export function sendRawAnswer(
  socket: Socket,
  error: ApiError,
  {
    errors,
    headers = {},
  }: { readonly errors: ErrorFormat; readonly headers?: Readonly<Record<string, string>> },
): void {
  const requestId = `req_${randomId()}`;
  const text = JSON.stringify(errors.toBody(error, requestId));
  const lines = [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? "Error"}`,
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(text)}`,
    `x-request-id: ${requestId}`,
    ...Object.entries({ ...retryHeaders(error), ...headers }).map(([name, value]) => `${name}: ${value}`),
    "connection: close",
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n${text}`);
  socket.destroySoon();
}
