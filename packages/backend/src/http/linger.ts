import type { Socket } from "node:net";

/** How long a peer may go on sending after our last byte, in all, and without sending anything. */
export interface LingerLimits {
  readonly totalMs: number;
  readonly quietMs: number;
}

/**
 * Makes the connection's orderly end wait for the peer's. Closing a connection on bytes that were not read resets
 * it, and the peer loses the answer that was just written; so what still comes is read and dropped for a while.
 */
export function lingerAtEnd(socket: Socket, limits: () => LingerLimits): void {
  let isEnding = false;
  // Node.js ends an HTTP connection by this method.
  socket.destroySoon = () => {
    if (isEnding || socket.destroyed) return;
    isEnding = true;
    if (socket.writable) socket.end();
    socket.resume();
    const startedAtMs = performance.now();
    let quietSinceMs = startedAtMs;
    let bytesRead = socket.bytesRead;
    const timer = setInterval(() => {
      const now = performance.now();
      const { totalMs, quietMs } = limits();
      if (socket.bytesRead !== bytesRead) quietSinceMs = now;
      if (now - startedAtMs >= totalMs || now - quietSinceMs >= quietMs) socket.destroy();
      ({ bytesRead } = socket);
    }, 250);
    socket.once("close", () => clearInterval(timer));
  };
}
