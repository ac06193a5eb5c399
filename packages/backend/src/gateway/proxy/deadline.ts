import { setMaxListeners } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError } from "../../api/shared/api-error.ts";
import { describeValue } from "../../text/describe-value.ts";

/** By which a client says how long it waits for the whole answer. A backend gets what is left of it. */
export const deadlineHeader = "x-request-timeout-ms";

const maxMs = 2 ** 31 - 1;

/** The time that a request has. */
export interface Deadline {
  /** Aborts when the client is gone or the time is over. */
  readonly signal: AbortSignal;
  /** Whole milliseconds, at least 1. */
  leftMs(): number;
}

function parseTimeout(value: string | string[]): number {
  const ms = typeof value === "string" && /^\d{1,10}$/.test(value) ? Number(value) : 0;
  if (ms >= 1 && ms <= maxMs) return ms;
  const message = `${deadlineHeader}: expected milliseconds from 1 to ${maxMs}, got ${describeValue(value)}`;
  throw new ApiError("bad_request", message);
}

/** What a deadline belongs to. */
export interface DeadlineOptions {
  readonly request: Pick<IncomingMessage, "headers">;
  readonly response: ServerResponse;
  /** Aborts when the client is gone. */
  readonly gone: AbortSignal;
  readonly now: () => number;
}

/** Starts the deadline of a request; `undefined` where the client set none. @throws ApiError `bad_request` */
export function startDeadline({ request, response, gone, now }: DeadlineOptions): Deadline | undefined {
  const value = request.headers[deadlineHeader];
  if (value === undefined) return undefined;
  const timeoutMs = parseTimeout(value);
  const endsAtMs = now() + timeoutMs;
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const timer = setTimeout(() => {
    const message = `The request was not answered within the ${timeoutMs} ms of ${deadlineHeader}`;
    controller.abort(new ApiError("deadline_exceeded", message));
  }, timeoutMs).unref();
  const end = (): void => controller.abort(gone.reason);
  response.once("close", () => clearTimeout(timer));
  if (gone.aborted) end();
  else gone.addEventListener("abort", end, { once: true });
  return {
    signal: controller.signal,
    leftMs: () => Math.max(1, Math.ceil(endsAtMs - now())),
  };
}
