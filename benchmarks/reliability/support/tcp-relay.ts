import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A relay between clients and a server, which can be cut as a network can: what is sent arrives later, or never. */
export interface TcpRelay extends AsyncDisposable {
  readonly port: number;
  /** Nothing passes any more; connections stay open, and new ones get no answer. */
  cut(): void;
  /** What was sent meanwhile arrives. */
  heal(): void;
}

interface RelayOptions {
  readonly host: string;
  /** 0 for any. */
  readonly port: number;
  readonly targetPort: number;
}

/** Starts a relay to a port of 127.0.0.1. */
export async function startTcpRelay({ host, port, targetPort }: RelayOptions): Promise<TcpRelay> {
  const sockets = new Set<Socket>();
  const waiting = new Set<() => void>();
  let isCut = false;

  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    if (isCut) socket.pause();
  };
  const join = (client: Socket): void => {
    const target = connect({ port: targetPort, host: "127.0.0.1", noDelay: true });
    keep(target);
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      from.on("data", (bytes) => {
        if (!to.write(bytes)) from.pause();
      });
      to.on("drain", () => {
        if (!isCut) from.resume();
      });
      from.on("end", () => to.end());
      // A reset is passed on as one.
      from.on("close", () => to.destroySoon());
    }
    if (isCut) for (const socket of [client, target]) socket.pause();
  };
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    keep(client);
    if (isCut) waiting.add(() => join(client));
    else join(client);
  });
  server.listen(port, host);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("expected a port, got none");
  return {
    port: address.port,
    cut() {
      isCut = true;
      for (const socket of sockets) socket.pause();
    },
    heal() {
      isCut = false;
      for (const socket of sockets) socket.resume();
      for (const act of waiting) act();
      waiting.clear();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
