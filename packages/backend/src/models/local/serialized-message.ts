import { deserialize, serialize } from "node:v8";
import { type DaemonMessage, isDaemonMessage } from "./protocol.ts";

/**
 * A message to the engine process as it crosses. A receiver that fails to read a message of the channel itself
 * ends; what is in a serialized one is read here, and fails its own call alone.
 */
export interface SerializedMessage {
  /** Of the call that it begins or cancels. */
  readonly callId: number | undefined;
  readonly bytes: Uint8Array;
}

/** Writes a message. @throws RangeError for values that are nested too deeply, DataCloneError for functions */
export function serializeMessage(message: DaemonMessage): SerializedMessage {
  return { callId: "callId" in message ? message.callId : undefined, bytes: serialize(message) };
}

/** Whether a value that came over the channel is a serialized message. */
export function isSerializedMessage(value: unknown): value is SerializedMessage {
  return typeof value === "object" && value !== null && "bytes" in value && value.bytes instanceof Uint8Array;
}

/** Reads a message. @throws what the reader of its values throws; TypeError for what is no message */
export function deserializeMessage({ bytes }: SerializedMessage): DaemonMessage {
  const message: unknown = deserialize(bytes);
  if (!isDaemonMessage(message)) throw new TypeError("expected a message of the daemon, got something else");
  return message;
}
