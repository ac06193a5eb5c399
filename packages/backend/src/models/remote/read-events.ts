import { createParser } from "eventsource-parser";
import { protocolError } from "./remote-error.ts";

/** Bounds of a stream of events, and who is told when one is waited for. */
export interface EventLimits {
  /** More bytes than this between two events are refused, pings included. */
  readonly maxEventBytes: number;
  /** Called when the reader begins to wait for an event, and when it has one. */
  readonly onWait: (isWaiting: boolean) => void;
}

/**
 * Reads server-sent events, however their bytes are cut, and yields what each has as data. Reads no further than
 * it is asked to.
 * @throws BackendError `ENGINE_PROTOCOL` for what is too large or no UTF-8
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
    // Fields that it does not know are told here, too; they are no error.
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
