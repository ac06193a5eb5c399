import type { SendToDaemon } from "./engine-outbox.ts";
import { toErrorRecord } from "./error-record.ts";
import type { EngineMessage } from "./protocol.ts";

type Batch = Extract<EngineMessage, { readonly type: "batch" }>;

/**
 * Sends a batch that the channel cannot write in parts, so that one reply that cannot cross fails its own call
 * alone. An event that cannot cross is dropped with a warning.
 */
export function sendApart(send: SendToDaemon, onWarning: (message: string) => void): SendToDaemon {
  const trySend = (message: EngineMessage): unknown => {
    try {
      send(message, () => undefined);
      return undefined;
    } catch (error) {
      return error ?? new Error("the channel cannot write a message");
    }
  };
  const sendParts = ({ replies, events, ...rest }: Batch): void => {
    for (const [callId, reply] of replies) {
      const error = trySend({ ...rest, replies: [[callId, reply]], events: [] });
      if (error === undefined) continue;
      const failed = { type: "failed", error: toErrorRecord(error) } as const;
      trySend({ ...rest, replies: [[callId, failed]], events: [] });
    }
    for (const event of events) {
      const error = trySend({ ...rest, replies: [], events: [event] });
      if (error !== undefined)
        onWarning(`the event ${event[0]} cannot be sent: ${toErrorRecord(error).message}`);
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
