import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { lingerAtEnd, type LingerLimits } from "./linger.ts";

/** An open connection and the requests on it that have no complete answer yet, in their order. */
interface Connection {
  readonly socket: Socket;
  readonly open: Map<ServerResponse, OpenRequest>;
  closeTimer?: NodeJS.Timeout;
}

interface OpenRequest {
  readonly request: IncomingMessage;
  /** Whether the client would keep the connection. */
  readonly mayKeepAlive: boolean;
}

export interface ConnectionsOptions {
  /** Beyond it a new connection takes the place of an idle one, or is refused. */
  readonly maxCount: number;
  /** An idle connection has this long for one more request once the server closes. */
  readonly idleGraceMs: number;
}

/** Every connection of the server, from its accept to its end. */
export interface Connections {
  readonly size: number;
  /** `false`: there is no room, and no connection whose place it could take. */
  add(socket: Socket): boolean;
  /** `false`: the connection is being closed, and nothing more is answered on it. */
  begin(request: IncomingMessage, response: ServerResponse): boolean;
  /** Whether bytes written to the connection now would be taken for the answer to its newest request. */
  mayAnswerRaw(socket: Socket): boolean;
  /** From now on the last answer on each connection says that it is the last. */
  drain(): void;
  /** Closes what is idle, and every other connection after its last answer; resolves when none is left. */
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
  /** By the time of their last answer, or else of their accept. */
  const byAge = new Set<Connection>();
  const emptyListeners: (() => void)[] = [];
  let isDraining = false;
  let isClosing = false;

  const closeIfIdle = (connection: Connection): void => {
    clearTimeout(connection.closeTimer);
    connection.closeTimer = setTimeout(() => {
      if (connection.open.size === 0) connection.socket.destroySoon();
    }, idleGraceMs);
  };
  const becomeIdle = (connection: Connection): void => {
    byAge.delete(connection);
    byAge.add(connection);
    if (isClosing) closeIfIdle(connection);
  };
  /** Only the last of several answers may close the connection: the others would take it from those after them. */
  const announceClose = ({ open }: Connection): void => {
    const answers = [...open];
    for (const [index, [response, { mayKeepAlive }]] of answers.entries()) {
      if (!response.headersSent) response.shouldKeepAlive = mayKeepAlive && index < answers.length - 1;
    }
  };
  /** The one whose client has taken longest for a whole request: it is idle, or still sending. */
  const findReplaceable = (): Connection | undefined => {
    for (const connection of byAge) {
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
