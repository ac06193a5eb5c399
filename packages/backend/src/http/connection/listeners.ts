import { lookup } from "node:dns/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Server as NetServer, type Socket } from "node:net";
import type { Logger } from "pino";
import { BackendError } from "../../errors.ts";
import { ApiError } from "../../api/shared/api-error.ts";
import type { ErrorFormat } from "../../api/shared/wire-format.ts";
import { answerClientError } from "./client-error.ts";
import type { Connections } from "./connections.ts";
import { sendRawAnswer } from "./raw-answer.ts";

export interface ListenersOptions {
  readonly config: { readonly requestTimeoutMs: number; readonly keepAliveTimeoutMs: number };
  readonly connections: Connections;
  /** More than the connections that are served: the rest are being rejected. */
  readonly maxSockets: number;
  readonly logger: Logger;
  /** Of connections without a request. */
  readonly errors: ErrorFormat;
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  /** Whether `Expect: 100-continue` gets 100. */
  readonly mayContinue: (request: IncomingMessage) => boolean;
  /** Decides which requests for another protocol are that, and not ordinary ones. */
  readonly requestClass: typeof IncomingMessage;
  /** Called with those. */
  readonly onUpgrade: (request: IncomingMessage, socket: Socket, head: Buffer) => void;
}

/** The listening sockets: one, or for `localhost` one for each of its addresses. */
export interface Listeners {
  /** @throws BackendError `PORT_IN_USE`, `LISTEN_FAILED` */
  listen(address: { readonly host: string; readonly port: number }): Promise<{
    readonly port: number;
    readonly addresses: readonly string[];
  }>;
  /** Stops accepting connections; those that are open stay. */
  stopAccepting(): void;
  /** Also stops the timers. Call it when no connection is left. */
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
    // Without file descriptors it fails repeatedly; it is logged once a minute.
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
        IncomingMessage: options.requestClass,
        // A request without one is answered by the host guard.
        requireHostHeader: false,
        requestTimeout: requestTimeoutMs,
        headersTimeout: requestTimeoutMs,
        keepAliveTimeout: keepAliveTimeoutMs,
        // How late a request may time out.
        connectionsCheckingInterval: Math.min(1000, Math.max(50, requestTimeoutMs / 4)),
      },
      onRequest,
    );
    server.maxConnections = options.maxSockets;
    // Answers have no time limit; slow readers are handled by the responses.
    server.timeout = 0;
    server.on("connection", (socket) => {
      if (connections.add(socket)) return;
      const message = "The server has as many connections as it may have (server.maxConnections)";
      sendRawAnswer(socket, new ApiError("server_overloaded", message, { retryAfterMs: 1000 }), { errors });
    });
    // 100-continue, except for a body that would be rejected.
    server.on("checkContinue", (request, response) => {
      if (options.mayContinue(request)) response.writeContinue();
      else response.shouldKeepAlive = false;
      onRequest(request, response);
    });
    server.on("checkExpectation", onRequest);
    // The server has plain sockets; the types allow others.
    server.on("connect", (request, socket) => rejectConnect(request, socket as Socket, errors));
    server.on("upgrade", (request, socket, head) => {
      if (connections.mayUpgrade(socket as Socket)) options.onUpgrade(request, socket as Socket, head);
      else socket.destroy();
    });
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
      let boundPort = port;
      let failed: BackendError | undefined;
      for (const address of await addressesOf(host)) {
        const server = create();
        try {
          await bind(server, { host: address, port: boundPort });
        } catch (cause) {
          // A machine may lack one of several addresses; a port in use is an error.
          failed = failure(cause, host, port);
          if (failed.code === "PORT_IN_USE") break;
          continue;
        }
        server.on("error", onAcceptError);
        servers.push(server);
        const bound = server.address();
        if (typeof bound !== "object" || bound === null) continue;
        boundPort = bound.port;
        addresses.push(bound.address);
      }
      if (failed !== undefined && (addresses.length === 0 || failed.code === "PORT_IN_USE")) {
        for (const server of servers) server.close();
        throw failed;
      }
      return { port: boundPort, addresses };
    },
    stopAccepting() {
      // The HTTP server's own method would close idle connections, whose next request may be on its way.
      for (const server of servers) NetServer.prototype.close.call(server);
    },
    dispose() {
      for (const server of servers) server.close();
    },
  };
}
