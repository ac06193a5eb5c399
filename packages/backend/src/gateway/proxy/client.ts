import type { IncomingMessage, ServerResponse } from "node:http";
import type { ApiError } from "../../api/shared/api-error.ts";
import type { ErrorFormat } from "../../api/shared/wire-format.ts";
import { retryHeaders } from "../../http/connection/raw-answer.ts";

/** One request of a client, and what it has been sent. */
export interface Client {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  /** Of the format of its path. */
  readonly errors: ErrorFormat;
  /** Aborts when it is gone, or its time is over. */
  signal: AbortSignal;
  /** Milliseconds of its time that are left; `undefined` where it set no limit. */
  leftMs: (() => number) | undefined;
  /** How long it may read nothing. */
  readonly writeTimeoutMs: number;
  /** The gateway's own headers of every answer, flat. */
  readonly headers: readonly string[];
  /** Whether a stream of events has begun. */
  isStream: boolean;
  /** Whether it has been sent something that no other backend's answer could replace. */
  hasContent: boolean;
}

/** A whole answer of a backend. */
export interface WholeAnswer {
  readonly status: number;
  /** Flat. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** Sends a backend's answer. */
export function sendWhole(client: Client, { status, headers, body }: WholeAnswer): void {
  client.hasContent = true;
  client.response.writeHead(status, [...headers, ...client.headers]).end(body);
}

/** Sends a value as JSON. */
export function sendJson(
  client: Client,
  value: unknown,
  { status = 200, headers = [] }: { readonly status?: number; readonly headers?: readonly string[] } = {},
): void {
  const body = Buffer.from(JSON.stringify(value));
  const own = ["content-type", "application/json; charset=utf-8", "content-length", String(body.length)];
  sendWhole(client, { status, headers: [...own, ...headers], body });
}

/** Says what went wrong: as the answer, as the last event of a stream, or else by cutting the connection. */
export function sendError(client: Client, error: ApiError): void {
  const { response, requestId, errors } = client;
  if (!response.headersSent) {
    const headers = Object.entries(retryHeaders(error)).flat();
    sendJson(client, errors.toBody(error, requestId), { status: error.status, headers });
    return;
  }
  if (!client.isStream) {
    response.destroy();
    return;
  }
  const event = errors.toEvent(error, requestId);
  response.end(
    typeof event === "string" ? `data: ${event}\n\n` : `event: ${event.name}\ndata: ${event.data}\n\n`,
  );
}
