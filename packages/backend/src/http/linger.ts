import type { Socket } from "node:net";

/** How long a peer may go on sending after our last byte, in all, and without sending anything. */
const lingerLimits = { totalMs: 5000, quietMs: 1000 } as const;

/**
 * Makes the connection's orderly end wait for the peer's. Closing a connection on bytes that were not read resets
 * it, and the peer loses the answer that was just written; so what still comes is read and dropped for a while.
 */
export function lingerAtEnd(socket: Socket): void {
  let isEnding = false;
  // Node.js ends an HTTP connection by this method.
  socket.destroySoon = () => {
    if (isEnding || socket.destroyed) return;
    isEnding = true;
    if (socket.writable) socket.end();
    socket.resume();
    let bytesRead = socket.bytesRead;
    let waitedMs = 0;
    const timer = setInterval(() => {
      waitedMs += lingerLimits.quietMs;
      if (socket.bytesRead === bytesRead || waitedMs >= lingerLimits.totalMs) socket.destroy();
      ({ bytesRead } = socket);
    }, lingerLimits.quietMs);
    socket.once("close", () => clearInterval(timer));
  };
}
