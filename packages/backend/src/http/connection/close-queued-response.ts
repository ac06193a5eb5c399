import { setMaxListeners } from "node:events";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * Closes a pipelined response, which waits behind another one, when its connection closes. Node.js emits `close` only
 * on the response that has the connection; the work for the others would continue.
 */
export function closeQueuedResponse(response: ServerResponse, connection: Socket): void {
  if (response.socket !== null) return;
  const onClose = (): void => {
    response.destroy();
    response.emit("close");
  };
  // One for each pipelined request.
  setMaxListeners(0, connection);
  connection.once("close", onClose);
  response.once("socket", () => connection.off("close", onClose));
}
