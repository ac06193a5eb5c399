import { setMaxListeners } from "node:events";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * Closes a response that waits behind another one on its connection when the connection closes. Node.js tells
 * only the response that has the connection; the work for the others would go on for nobody.
 */
export function closeQueuedResponse(response: ServerResponse, connection: Socket): void {
  if (response.socket !== null) return;
  const onClose = (): void => {
    response.destroy();
    response.emit("close");
  };
  // As many as the client sent without waiting.
  setMaxListeners(0, connection);
  connection.once("close", onClose);
  response.once("socket", () => connection.off("close", onClose));
}
