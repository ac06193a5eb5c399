import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { lingerAtEnd, type LingerLimits } from "./linger.ts";

/** An open connection and its requests without a complete answer, in order. */
interface Connection {
  readonly socket: Socket;
  readonly open: Map<ServerResponse, OpenRequest>;
  closeTimer?: NodeJS.Timeout;
  /** It has become a WebSocket, which ends by itself. */
  isSession?: boolean;
}

interface OpenRequest {
  readonly request: IncomingMessage;
  /** Whether the client allows keep-alive. */
  readonly mayKeepAlive: boolean;
}

export interface ConnectionsOptions {
  /** Beyond it a new connection replaces an idle one, or is rejected. */
  readonly maxCount: number;
  /** Time that an idle connection has for one more request when the server closes. */
  readonly idleGraceMs: number;
}

/** The connections of the server. */
export interface Connections {
  readonly size: number;
  /** `false`: there is no room, and no connection that could be replaced. */
  add(socket: Socket): boolean;
  /** `false`: the connection is closing and takes no more requests. */
  begin(request: IncomingMessage, response: ServerResponse): boolean;
  /** The connection is a WebSocket from now on: it is in use until it closes. */
  becomeSession(socket: Socket): void;
  /** Whether nothing else is being answered on the connection. */
  mayUpgrade(socket: Socket): boolean;
  /** Whether the client would read bytes written now as the answer to its newest request. */
  mayAnswerRaw(socket: Socket): boolean;
  /** From now on the last answer on each connection has `connection: close`. */
  drain(): void;
  /** Closes idle connections, and the others after their last answers; resolves when none is left. */
  close(): Promise<void>;
  destroyAll(): void;
}

const linger: LingerLimits = { totalMs: 30_000, quietMs: 5000 };
/** When the server closes. */
const lastLinger: LingerLimits = { totalMs: 2000, quietMs: 500 };

/** Creates an empty table. */
export function createConnections(options: ConnectionsOptions): Connections {
  const { maxCount, idleGraceMs } = options;
  const all = new Map<Socket, Connection>();
  /** Ordered by the time of their last answer, or of their start. */
  const byAge = new Set<Connection>();
  const emptyListeners: (() => void)[] = [];
  let isDraining = false;
  let isClosing = false;

  const closeIfIdle = (connection: Connection): void => {
    clearTimeout(connection.closeTimer);
    connection.closeTimer = setTimeout(() => {
      if (connection.open.size === 0 && connection.isSession !== true) connection.socket.destroySoon();
    }, idleGraceMs);
  };
  const becomeIdle = (connection: Connection): void => {
    byAge.delete(connection);
    byAge.add(connection);
    if (isClosing) closeIfIdle(connection);
  };
  /** Of several answers only the last one may close the connection. */
  const announceClose = ({ open }: Connection): void => {
    const answers = [...open];
    for (const [index, [response, { mayKeepAlive }]] of answers.entries()) {
      if (!response.headersSent) response.shouldKeepAlive = mayKeepAlive && index < answers.length - 1;
    }
  };
  /** The oldest connection without a complete request: it is idle, or its client is still sending. */
  const findReplaceable = (): Connection | undefined => {
    for (const connection of byAge) {
      if (connection.isSession === true) continue;
      if ([...connection.open.values()].every(({ request }) => !request.complete)) return connection;
    }
    return undefined;
  };
  const remove = (connection: Connection): void => {
    clearTimeout(connection.closeTimer);
    all.delete(connection.socket);
    byAge.delete(connection);
    if (all.size === 0) for (const listener of emptyListeners.splice(0)) listener();
  };

  return {
    get size() {
      return all.size;
    },
    add(socket) {
      lingerAtEnd(socket, () => (isClosing ? lastLinger : linger));
      if (all.size >= maxCount) {
        const replaced = findReplaceable();
        if (replaced === undefined) return false;
        replaced.socket.destroy();
        remove(replaced);
      }
      const connection: Connection = { socket, open: new Map() };
      all.set(socket, connection);
      socket.once("close", () => remove(connection));
      becomeIdle(connection);
      return true;
    },
    begin(request, response) {
      const connection = all.get(request.socket);
      if (connection === undefined || !request.socket.writable) return false;
      connection.open.set(response, { request, mayKeepAlive: response.shouldKeepAlive });
      response.once("close", () => {
        connection.open.delete(response);
        if (connection.open.size === 0 && all.has(connection.socket)) becomeIdle(connection);
      });
      if (isDraining) announceClose(connection);
      return true;
    },
    becomeSession(socket) {
      const connection = all.get(socket);
      if (connection !== undefined) connection.isSession = true;
    },
    mayUpgrade: (socket) => all.get(socket)?.open.size === 0,
    mayAnswerRaw(socket) {
      const connection = all.get(socket);
      if (connection === undefined) return false;
      return [...connection.open].every(
        ([response, { request }]) => !response.headersSent && !request.complete,
      );
    },
    drain() {
      isDraining = true;
      for (const connection of all.values()) announceClose(connection);
    },
    async close() {
      isDraining = true;
      isClosing = true;
      for (const connection of all.values()) announceClose(connection);
      for (const connection of all.values()) closeIfIdle(connection);
      if (all.size > 0) await new Promise<void>((resolve) => emptyListeners.push(resolve));
    },
    destroyAll() {
      for (const { socket } of all.values()) socket.destroy();
    },
  };
}
