import { setMaxListeners } from "node:events";
import type { ServerResponse } from "node:http";

/** Code of the reason that aborts work nobody waits for. */
export const clientGoneCode = "CLIENT_GONE";

/** Why work was stopped: nobody waits for the answer any more. */
class ClientGoneError extends Error {
  override readonly name: string = "ClientGoneError";
  readonly code: string = clientGoneCode;

  constructor() {
    super("the client closed the connection before the answer was complete");
  }
}

/** Aborts when the connection closes before the response was written out, however the response is made. */
export function abortWhenClientGone(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  // Each of the prompts of one request listens.
  setMaxListeners(0, controller.signal);
  const onClose = (): void => {
    if (!response.writableFinished) controller.abort(new ClientGoneError());
  };
  if (response.destroyed || response.socket?.destroyed === true) onClose();
  else response.once("close", onClose);
  return controller.signal;
}
