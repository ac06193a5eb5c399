import { BackendError } from "../errors.ts";
import type { CallEvent } from "../operations/operation.ts";

/** Reads the one event of an operation that has no other. @throws what the call throws; BackendError `ENGINE_PROTOCOL` */
export async function firstEvent<Event extends CallEvent>(events: AsyncIterable<Event>): Promise<Event> {
  for await (const event of events) return event;
  throw new BackendError("ENGINE_PROTOCOL", "expected one event, got the end of the call");
}
