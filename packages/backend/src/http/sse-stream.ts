import { once } from "node:events";
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
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
   * Writes events in one piece; resolves when the connection can take more.
   * @throws SlowReaderError; the signal's reason
   */
  write(events: readonly StreamEvent[]): Promise<void>;
  /** Writes the last event, where there is one, and ends the response. */
  end(event: StreamEvent | undefined): void;
  /** Stops the pings, and closes the connection if the response has not ended. */
  close(): void;
}

function formatEvent(event: StreamEvent): string {
  return typeof event === "string" ? `data: ${event}\n\n` : `event: ${event.name}\ndata: ${event.data}\n\n`;
}

/** Resolves when the buffer is empty; rejects when it did not shrink for the write timeout. */
async function waitForDrain(response: ServerResponse, options: SseStreamOptions): Promise<void> {
  const { signal, writeTimeoutMs } = options;
  let waiting = response.writableLength;
  for (;;) {
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), writeTimeoutMs);
    const onGone = (): void => timeout.abort();
    signal.addEventListener("abort", onGone, { once: true });
    try {
      await once(response, "drain", { signal: timeout.signal });
      return;
    } catch {
      signal.throwIfAborted();
      if (timeout.signal.aborted && response.writableLength >= waiting) {
        throw new SlowReaderError(writeTimeoutMs);
      }
      waiting = response.writableLength;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onGone);
    }
  }
}

/** Sends the headers at once, then a comment whenever there is no data for the ping interval. */
export function openSseStream(response: ServerResponse, options: SseStreamOptions): SseStream {
  const { headers, pingIntervalMs, signal } = options;
  response.writeHead(200, {
    ...headers,
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
  });
  response.flushHeaders();
  const pings = setInterval(() => {
    // A slow reader still has data to read.
    if (response.writableLength === 0) response.write(": ping\n\n");
  }, pingIntervalMs);

  return {
    async write(events) {
      signal.throwIfAborted();
      pings.refresh();
      if (!response.write(events.map(formatEvent).join(""))) await waitForDrain(response, options);
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
