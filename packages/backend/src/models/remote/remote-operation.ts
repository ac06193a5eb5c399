import type { ClockPort } from "@infernode/inference";
import type { CallEvent } from "../../operations/operation.ts";
import type { RemoteModel } from "./dialect.ts";
import type { RemoteClient } from "./remote-client.ts";

/** What a remote operation uses. */
export interface RemoteParts {
  readonly client: RemoteClient;
  readonly model: RemoteModel;
  readonly clock: ClockPort;
}

/** An operation on a remote server; its name is that of the local operation. */
export interface RemoteOperation<Input, Event extends CallEvent> {
  readonly name: string;
  run(parts: RemoteParts, input: Input, signal: AbortSignal): AsyncIterable<Event>;
}
