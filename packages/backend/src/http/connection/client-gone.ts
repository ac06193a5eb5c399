import { setMaxListeners } from "node:events";
import type { ServerResponse } from "node:http";

/** Code of the abort reason after the client has disconnected. */
export const clientGoneCode = "CLIENT_GONE";

/** The abort reason: the client has disconnected. */
class ClientGoneError extends Error {
  override readonly name: string = "ClientGoneError";
  readonly code: string = clientGoneCode;

  constructor() {
    super("the client closed the connection before the answer was complete");
  }
}

/** Aborts when the connection closes before the response is written, streamed or not. */
export function abortWhenClientGone(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  // Each prompt of a request adds a listener.
  setMaxListeners(0, controller.signal);
  const onClose = (): void => {
    if (!response.writableFinished) controller.abort(new ClientGoneError());
  };
  if (response.destroyed || response.socket?.destroyed === true) onClose();
  else response.once("close", onClose);
  return controller.signal;
}
