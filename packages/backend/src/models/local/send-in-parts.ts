import type { SendToDaemon } from "./message-batcher.ts";
import { toErrorRecord } from "../error-record.ts";
import type { EngineMessage } from "./protocol.ts";

type Batch = Extract<EngineMessage, { readonly type: "batch" }>;

/**
 * Wraps `send`: a batch that the channel cannot serialize is sent in parts, so that an event that cannot be sent fails
 * only its own call. An event of the bus that cannot be sent is dropped with a warning.
 */
export function sendInParts(send: SendToDaemon, onWarning: (message: string) => void): SendToDaemon {
  const trySend = (message: EngineMessage): unknown => {
    try {
      send(message, () => undefined);
      return undefined;
    } catch (error) {
      return error ?? new Error("expected a message that can be serialized, got another one");
    }
  };
  const sendParts = ({ callEvents, callEnds, events, ...rest }: Batch): void => {
    const empty: Batch = { ...rest, callEvents: [], callEnds: [], events: [] };
    for (const callEvent of callEvents) {
      const error = trySend({ ...empty, callEvents: [callEvent] });
      if (error !== undefined) trySend({ ...empty, callEnds: [[callEvent[0], toErrorRecord(error)]] });
    }
    // The daemon ignores the end of a call that has failed above.
    if (callEnds.length > 0) trySend({ ...empty, callEnds });
    for (const event of events) {
      const error = trySend({ ...empty, events: [event] });
      if (error !== undefined) {
        onWarning(`the event ${event[0]} cannot be sent: ${toErrorRecord(error).message}`);
      }
    }
  };
  return (message, onSent) => {
    try {
      send(message, onSent);
    } catch (error) {
      if (message.type !== "batch") throw error;
      sendParts(message);
      onSent();
    }
  };
}
