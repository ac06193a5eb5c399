import { lookup } from "node:dns/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Server as NetServer, type Socket } from "node:net";
import type { Logger } from "pino";
import { BackendError } from "../errors.ts";
import { ApiError } from "../api/shared/api-error.ts";
import type { ErrorFormat } from "../api/shared/wire-format.ts";
import { answerClientError } from "./client-error.ts";
import type { Connections } from "./connections.ts";
import type { HttpServerConfig } from "./http-server-options.ts";
import { sendRawAnswer } from "./raw-answer.ts";

export interface ListenersOptions {
  readonly config: Pick<HttpServerConfig, "requestTimeoutMs" | "keepAliveTimeoutMs">;
  readonly connections: Connections;
  /** Above the connections that are served: those that are being refused. */
  readonly maxSockets: number;
  readonly logger: Logger;
  /** Of connections without a request. */
  readonly errors: ErrorFormat;
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  /** Whether a client that asks first may send its body. */
  readonly mayContinue: (request: IncomingMessage) => boolean;
}

/** The sockets that are listened on: one, or for `localhost` one for each of its addresses. */
export interface Listeners {
  /** @throws BackendError `PORT_IN_USE`, `LISTEN_FAILED` */
  listen(address: { readonly host: string; readonly port: number }): Promise<{
    readonly port: number;
    readonly addresses: readonly string[];
  }>;
  /** Accepts nothing more; connections stay. */
  stopAccepting(): void;
  /** Also stops the timers; call it when no connection is left. */
  dispose(): void;
}

function rejectConnect(request: IncomingMessage, socket: Socket, errors: ErrorFormat): void {
  socket.on("error", () => undefined);
  const message = `The method ${request.method} is not allowed: this server is not a proxy`;
  const headers = { allow: "GET, HEAD, OPTIONS, POST" };
  sendRawAnswer(socket, new ApiError("method_not_allowed", message), { errors, headers });
}

async function bind(
  server: Server,
  address: { readonly host: string; readonly port: number },
): Promise<void> {
  const { host, port } = address;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Creates the listening sockets of one server; nothing listens before `listen`. */
export function createListeners(options: ListenersOptions): Listeners {
  const { config, connections, logger, errors } = options;
  const { requestTimeoutMs, keepAliveTimeoutMs } = config;
  const servers: Server[] = [];
  let acceptFailureAtMs = -Infinity;

  const onAcceptError = (error: Error): void => {
    // Without descriptors it fails again and again; one line a minute says so.
    if (performance.now() - acceptFailureAtMs < 60_000) return;
    acceptFailureAtMs = performance.now();
    logger.warn({ err: error }, "a connection could not be accepted");
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    if (connections.begin(request, response)) options.onRequest(request, response);
    else request.resume();
  };
  const create = (): Server => {
    const server = createServer(
      {
        noDelay: true,
        // A request without one is answered as JSON, later.
        requireHostHeader: false,
        requestTimeout: requestTimeoutMs,
        headersTimeout: requestTimeoutMs,
        keepAliveTimeout: keepAliveTimeoutMs,
        // How late a request may be cut.
        connectionsCheckingInterval: Math.min(1000, Math.max(50, requestTimeoutMs / 4)),
      },
      onRequest,
    );
    server.maxConnections = options.maxSockets;
    // An answer may take as long as it takes; readers that take nothing are cut by the stream itself.
    server.timeout = 0;
    server.on("connection", (socket) => {
      if (connections.add(socket)) return;
      const message = "The server has as many connections as it may have (server.maxConnections)";
      sendRawAnswer(socket, new ApiError("server_overloaded", message, { retryAfterMs: 1000 }), { errors });
    });
    // A client that asks before it sends its body is told to go on, except with a body that would be refused.
    server.on("checkContinue", (request, response) => {
      if (options.mayContinue(request)) response.writeContinue();
      else response.shouldKeepAlive = false;
      onRequest(request, response);
    });
    server.on("checkExpectation", onRequest);
    // A plain server has plain sockets; the types leave room for others.
    server.on("connect", (request, socket) => rejectConnect(request, socket as Socket, errors));
    server.on("clientError", (error, socket) => {
      const mayAnswer = connections.mayAnswerRaw(socket as Socket);
      answerClientError(error, socket as Socket, mayAnswer ? errors : undefined);
    });
    return server;
  };
  const addressesOf = async (host: string): Promise<readonly string[]> => {
    if (host !== "localhost") return [host];
    const found = await lookup(host, { all: true }).catch(() => []);
    return found.length === 0 ? [host] : [...new Set(found.map(({ address }) => address))];
  };

  const failure = (cause: unknown, host: string, port: number): BackendError => {
    const { code, message } = cause as NodeJS.ErrnoException;
    const isInUse = code === "EADDRINUSE";
    return new BackendError(
      isInUse ? "PORT_IN_USE" : "LISTEN_FAILED",
      `cannot listen on ${host}:${port}: ${isInUse ? "the port is in use" : message}`,
      { cause },
    );
  };

  return {
    async listen({ host, port }) {
      const addresses: string[] = [];
      let taken = port;
      let refusal: BackendError | undefined;
      for (const address of await addressesOf(host)) {
        const server = create();
        try {
          await bind(server, { host: address, port: taken });
        } catch (cause) {
          // A machine may lack one of several addresses; a port that somebody else has is no such case.
          refusal = failure(cause, host, port);
          if (refusal.code === "PORT_IN_USE") break;
          continue;
        }
        server.on("error", onAcceptError);
        servers.push(server);
        const bound = server.address();
        if (typeof bound !== "object" || bound === null) continue;
        taken = bound.port;
        addresses.push(bound.address);
      }
      if (refusal !== undefined && (addresses.length === 0 || refusal.code === "PORT_IN_USE")) {
        for (const server of servers) server.close();
        throw refusal;
      }
      return { port: taken, addresses };
    },
    stopAccepting() {
      // The method of HTTP servers would cut idle connections, on which a request may be on its way.
      for (const server of servers) NetServer.prototype.close.call(server);
    },
    dispose() {
      for (const server of servers) server.close();
    },
  };
}
