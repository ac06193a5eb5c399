import { createParser } from "eventsource-parser";
import { protocolError } from "./remote-error.ts";

/** Limits of a stream of events. */
export interface EventLimits {
  /** Maximum number of bytes between two events, including comments. */
  readonly maxEventBytes: number;
  /** Called when waiting for an event starts and ends. */
  readonly onWait: (isWaiting: boolean) => void;
}

/**
 * Parses server-sent events and yields the data of each, independent of how the bytes are split into chunks. Reads
 * only as far as the consumer asks.
 * @throws BackendError `ENGINE_PROTOCOL` if an event is too large or not UTF-8
 */
export async function* readEvents(
  body: AsyncIterable<Uint8Array>,
  { maxEventBytes, onWait }: EventLimits,
): AsyncGenerator<string> {
  let events: string[] = [];
  let bytesSinceEvent = 0;
  let isTooLarge = false;
  const parser = createParser({
    onEvent: ({ data }) => events.push(data),
    // Unknown fields are reported here too; they are ignored.
    onError: ({ type }) => {
      if (type === "max-buffer-size-exceeded") isTooLarge = true;
    },
    maxBufferSize: maxEventBytes,
  });
  const decoder = new TextDecoder("utf-8", { fatal: true });
  onWait(true);
  try {
    for await (const bytes of body) {
      bytesSinceEvent += bytes.byteLength;
      let text: string;
      try {
        text = decoder.decode(bytes, { stream: true });
      } catch (cause) {
        throw protocolError("events in UTF-8", "other bytes", cause);
      }
      parser.feed(text);
      if (events.length > 0) {
        const read = events;
        events = [];
        bytesSinceEvent = 0;
        onWait(false);
        for (const data of read) yield data;
        onWait(true);
      }
      if (isTooLarge || bytesSinceEvent > maxEventBytes) {
        throw protocolError(`events of at most ${maxEventBytes} bytes`, "more without an end");
      }
    }
  } finally {
    onWait(false);
  }
}
