import { once } from "node:events";
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { SlowReaderError } from "./cut-slow-reader.ts";

export interface SseStreamOptions {
  readonly headers: OutgoingHttpHeaders;
  /** A comment is sent when nothing else was for this long. */
  readonly pingIntervalMs: number;
  readonly writeTimeoutMs: number;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

/** Server-sent events over one response. One write at a time. */
export interface SseStream {
  /**
   * Writes events in one piece; resolves when the connection takes more.
   * @throws SlowReaderError; the signal's reason
   */
  write(data: readonly string[]): Promise<void>;
  /** Writes last events and ends the response. */
  end(data: readonly string[]): void;
  /** Stops the pings and cuts the connection if the response has not ended. */
  close(): void;
}

/** Resolves when the buffer has emptied; rejects when it did not shrink for the time that is allowed. */
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

/** Sends the headers at once, then a comment whenever the stream is quiet. */
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
    // A reader that is behind has data to read.
    if (response.writableLength === 0) response.write(": ping\n\n");
  }, pingIntervalMs);

  const format = (data: readonly string[]): string => data.map((each) => `data: ${each}\n\n`).join("");
  return {
    async write(data) {
      signal.throwIfAborted();
      pings.refresh();
      if (!response.write(format(data))) await waitForDrain(response, options);
    },
    end(data) {
      clearInterval(pings);
      response.end(format(data));
    },
    close() {
      clearInterval(pings);
      if (!response.writableEnded) response.destroy();
    },
  };
}
