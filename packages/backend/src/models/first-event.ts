import { BackendError } from "../errors.ts";
import type { CallEvent } from "../operations/operation.ts";

/** Reads the answer of an operation that has one event. @throws what the call throws; BackendError `ENGINE_PROTOCOL` */
export async function firstEvent<Event extends CallEvent>(events: AsyncIterable<Event>): Promise<Event> {
  for await (const event of events) return event;
  throw new BackendError("ENGINE_PROTOCOL", "the engine ended a call without an answer");
}
