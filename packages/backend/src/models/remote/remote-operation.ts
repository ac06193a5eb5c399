import type { ClockPort } from "@infernode/inference";
import type { CallEvent } from "../../operations/operation.ts";
import type { RemoteModel } from "./dialect.ts";
import type { RemoteClient } from "./remote-client.ts";

/** What a remote operation works with. */
export interface RemoteParts {
  readonly client: RemoteClient;
  readonly model: RemoteModel;
  readonly clock: ClockPort;
}

/** How a remote server is asked for an operation; the name is that of the operation. */
export interface RemoteOperation<Input, Event extends CallEvent> {
  readonly name: string;
  run(parts: RemoteParts, input: Input, signal: AbortSignal): AsyncIterable<Event>;
}
