import type { Socket } from "node:net";

/** How long a peer may keep sending after our last byte: in total, and without progress. */
export interface LingerLimits {
  readonly totalMs: number;
  readonly quietMs: number;
}

/**
 * Makes `destroySoon` wait for the peer. Closing a connection with unread bytes resets it, and the peer loses the
 * answer that was just written; therefore bytes that still arrive are read and dropped for a while.
 */
export function lingerAtEnd(socket: Socket, limits: () => LingerLimits): void {
  let isEnding = false;
  // Node.js closes HTTP connections by this method.
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
