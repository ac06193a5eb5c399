import { once } from "node:events";
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { StreamEvent } from "../api/shared/generation.ts";
import { SlowReaderError } from "./connection/cut-slow-reader.ts";

export interface SseStreamOptions {
  readonly headers: OutgoingHttpHeaders;
  /** After this time without data a comment is sent. */
  readonly pingIntervalMs: number;
  readonly writeTimeoutMs: number;
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal;
}

/** Server-sent events over one response. One write at a time. */
export interface SseStream {
  /**
   * Writes events in one piece; the promise of a connection that is full resolves when it can take more.
   * @throws the signal's reason; rejects with that or a SlowReaderError
   */
  write(events: readonly StreamEvent[]): Promise<void> | undefined;
  /** Writes the last event, where there is one, and ends the response. */
  end(event: StreamEvent | undefined): void;
  /** Stops the pings, and closes the connection if the response has not ended. */
  close(): void;
}

function formatEvent(event: StreamEvent): string {
  return typeof event === "string" ? `data: ${event}\n\n` : `event: ${event.name}\ndata: ${event.data}\n\n`;
}

/** The write timeout is waited for in parts: a pause of this whole process is one of them, and cuts nobody. */
const timeoutParts = 4;

/** Resolves when the buffer is empty; rejects when it did not shrink for the write timeout. */
async function waitForDrain(full: ServerResponse | Socket, options: SseStreamOptions): Promise<void> {
  const { signal, writeTimeoutMs } = options;
  let waiting = full.writableLength;
  for (let idleParts = 0; idleParts < timeoutParts;) {
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), writeTimeoutMs / timeoutParts);
    const onGone = (): void => timeout.abort();
    signal.addEventListener("abort", onGone, { once: true });
    try {
      await once(full, "drain", { signal: timeout.signal });
      return;
    } catch {
      signal.throwIfAborted();
      idleParts = full.writableLength < waiting ? 0 : idleParts + 1;
      waiting = full.writableLength;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onGone);
    }
  }
  throw new SlowReaderError(writeTimeoutMs);
}

/**
 * Writes text to a body that has begun; returns what emits `drain` when its buffer is full. Chunks of HTTP/1.1 go to the
 * socket as one string: `response.write` makes four pieces of each and gathers them in the next turn.
 */
function writeText(response: ServerResponse, text: string): ServerResponse | Socket | undefined {
  // An empty chunk would be the last one.
  if (text === "") return undefined;
  const { socket } = response;
  // HTTP/1.0 has no chunks; behind another response of a pipeline there is no socket yet.
  if (response.req.httpVersion !== "1.1" || socket === null || !socket.writable) {
    return response.write(text) ? undefined : response;
  }
  const sizeBytes = Buffer.byteLength(text);
  const chunk = `${sizeBytes.toString(16)}\r\n${text}\r\n`;
  return socket.write(chunk, sizeBytes === text.length ? "latin1" : "utf8") ? undefined : socket;
}

/** Sends the headers at once, then a comment whenever there is no data for the ping interval. */
export function openSseStream(response: ServerResponse, options: SseStreamOptions): SseStream {
  const { headers, pingIntervalMs, signal } = options;
  response.writeHead(200, {
    ...headers,
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
    ...(response.req.httpVersion === "1.1" && { "transfer-encoding": "chunked" }),
  });
  response.flushHeaders();
  const pings = setInterval(() => {
    // A slow reader still has data to read.
    if (response.writableLength === 0) writeText(response, ": ping\n\n");
  }, pingIntervalMs);

  return {
    write(events) {
      signal.throwIfAborted();
      pings.refresh();
      let text = "";
      for (const event of events) text += formatEvent(event);
      const full = writeText(response, text);
      return full && waitForDrain(full, options);
    },
    end(event) {
      clearInterval(pings);
      response.end(event === undefined ? undefined : formatEvent(event));
    },
    close() {
      clearInterval(pings);
      if (!response.writableEnded) response.destroy();
    },
  };
}
