import { deserialize, serialize } from "node:v8";
import { type DaemonMessage, isDaemonMessage } from "./protocol.ts";

/**
 * A message to the engine process, serialized separately: if its values cannot be deserialized, its call fails. The
 * channel's own deserializer would end the process.
 */
export interface SerializedMessage {
  /** The call that it is about. */
  readonly callId: number | undefined;
  readonly bytes: Uint8Array;
}

/** Serializes a message. @throws RangeError for values that are nested too deeply, DataCloneError for functions */
export function serializeMessage(message: DaemonMessage): SerializedMessage {
  return { callId: "callId" in message ? message.callId : undefined, bytes: serialize(message) };
}

/** Whether a value from the channel is a serialized message. */
export function isSerializedMessage(value: unknown): value is SerializedMessage {
  return typeof value === "object" && value !== null && "bytes" in value && value.bytes instanceof Uint8Array;
}

/** Deserializes a message. @throws what the deserializer throws; TypeError for a value that is no message */
export function deserializeMessage({ bytes }: SerializedMessage): DaemonMessage {
  const message: unknown = deserialize(bytes);
  if (!isDaemonMessage(message)) {
    throw new TypeError("expected a message of the protocol from the daemon, got another value");
  }
  return message;
}
