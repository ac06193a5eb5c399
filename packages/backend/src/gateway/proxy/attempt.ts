import type { ClientRequest, IncomingMessage } from "node:http";
import type { Lease, LeaseOutcome } from "../router.ts";
import { sendWhole, type Client, type WholeAnswer } from "./client.ts";
import { answerHeaders } from "./pass-headers.ts";
import { isEventStream, relayAnswer } from "./relay-answer.ts";

/** An answer that the client gets only if no other backend gives a better one. */
export interface Refusal extends WholeAnswer {
  readonly retryAfterMs: number | undefined;
}

/** How an attempt ended, and with what. */
export type AttemptEnd =
  | { readonly outcome: Exclude<LeaseOutcome, "refused" | "failed-before-first-byte" | "failed-midstream"> }
  | { readonly outcome: "failed-before-first-byte" | "failed-midstream"; readonly cause: unknown }
  | { readonly outcome: "refused"; readonly refusal: Refusal };

export interface AttemptOptions {
  readonly client: Client;
  readonly lease: Lease;
  /** Sends the request. */
  readonly send: (options?: { readonly isFresh: boolean }) => ClientRequest;
  /** Whether an answer of this status may be a refusal; its body decides. */
  readonly mayRefuse: (status: number) => boolean;
  readonly isRefusal: (status: number, body: Buffer) => boolean;
  readonly onContent: (bytes: Buffer) => void;
}

/** A longer answer is none that says only that the backend does not take the request. */
const maxRefusalBytes = 65_536;

function retryAfterOf({ headers }: IncomingMessage): number | undefined {
  const ms = Number(headers["retry-after-ms"] ?? Number.NaN);
  if (ms >= 0) return ms;
  const seconds = Number(headers["retry-after"] ?? Number.NaN);
  return seconds >= 0 ? 1000 * seconds : undefined;
}

/** Whether the backend closed a connection that was kept while the request was on its way. */
function wasStale(request: ClientRequest, error: unknown): boolean {
  const { code = "" } = error as NodeJS.ErrnoException;
  return request.reusedSocket && (code === "ECONNRESET" || code === "EPIPE");
}

/** Resolves with the answer's head; rejects when there is none. */
async function answerOf(request: ClientRequest, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => void request.destroy();
    signal.addEventListener("abort", onAbort, { once: true });
    const settle = (end: () => void): void => {
      signal.removeEventListener("abort", onAbort);
      end();
    };
    // Later errors are those of the answer as well, which closes.
    request.on("error", (error) => settle(() => reject(error)));
    request.once("response", (answer) => settle(() => resolve(answer)));
    if (signal.aborted) onAbort();
  });
}

/** Reads a short body; `undefined` for one that is longer or does not end. */
export async function readShort(answer: IncomingMessage, signal: AbortSignal): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  const onAbort = (): void => void answer.destroy();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for await (const part of answer as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > maxRefusalBytes) return undefined;
      parts.push(part);
    }
  } catch {
    return undefined;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
  return Buffer.concat(parts);
}

/** Sends the request to one backend, and passes its answer on unless it is a refusal. */
export async function runAttempt(options: AttemptOptions): Promise<AttemptEnd> {
  const { client, lease, mayRefuse, isRefusal, onContent } = options;
  const { signal } = client;
  let request = options.send();
  let answer: IncomingMessage;
  try {
    answer = await answerOf(request, signal).catch(async (error: unknown) => {
      if (signal.aborted || !wasStale(request, error)) throw error;
      request = options.send({ isFresh: true });
      return answerOf(request, signal);
    });
  } catch (cause) {
    return signal.aborted ? { outcome: "cancelled" } : { outcome: "failed-before-first-byte", cause };
  }
  const status = answer.statusCode ?? 502;
  const headers = [...answerHeaders(answer), "x-infernode-backend", lease.backend.id];
  // A stream that has begun can only go on as a stream.
  const cannotFollow = client.response.headersSent && !(status === 200 && isEventStream(answer));
  if (cannotFollow || mayRefuse(status)) {
    const body = await readShort(answer, signal);
    if (signal.aborted) return { outcome: "cancelled" };
    if (body === undefined) {
      return {
        outcome: "failed-before-first-byte",
        cause: new Error(`a body of status ${status} was cut off`),
      };
    }
    if (cannotFollow || isRefusal(status, body)) {
      return { outcome: "refused", refusal: { status, headers, body, retryAfterMs: retryAfterOf(answer) } };
    }
    sendWhole(client, { status, headers, body });
    return { outcome: "completed" };
  }
  lease.begin();
  let cause: unknown;
  request.on("error", (error) => (cause = error));
  answer.on("error", (error) => (cause ??= error));
  const end = await relayAnswer({ answer, client, headers, onContent });
  switch (end) {
    case "completed":
    case "cancelled":
      return { outcome: end };
    case "failed":
      return { outcome: "failed-before-first-byte", cause };
    case "broken":
      return { outcome: "failed-midstream", cause };
  }
}
