import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { WebSocket, WebSocketServer } from "ws";
import { ApiError } from "../../api/shared/api-error.ts";
import type { Session, SessionPeer } from "../../api/shared/session.ts";
import { engineUnavailable, toApiError } from "../../api/shared/to-api-error.ts";
import type { ErrorFormat } from "../../api/shared/wire-format.ts";
import { pathOfTarget } from "../connection/host-guard.ts";
import { sendRawAnswer } from "../connection/raw-answer.ts";
import { runSession, type SessionConnection, type SessionConnectionOptions } from "./session-connection.ts";

/** The sessions of one path, and how errors before a session are written. */
export interface ServedSession {
  readonly path: string;
  readonly errors: ErrorFormat;
  readonly open: (peer: SessionPeer) => Session;
  readonly connection: SessionConnectionOptions;
}

export interface SessionServerOptions {
  readonly sessions: readonly ServedSession[];
  readonly maxCount: number;
  /** @throws ApiError 400, 403 */
  readonly assertAllowed: (request: IncomingMessage) => void;
  readonly takeRequestId: (request: IncomingMessage) => string;
  /** Says that the connection is a session from now on. */
  readonly onOpen: (socket: Socket) => void;
}

/** The WebSockets of a server. */
export interface SessionServer {
  readonly openCount: number;
  /** Sessions that were opened since the start. */
  readonly openedCount: number;
  /** Whether the path of a request's target has sessions. */
  hasSession(target: string): boolean;
  /** Answers a request for a WebSocket. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void;
  /** From now on no session is opened; open ones close when what runs has been sent. */
  drain(): void;
}

const keyPrefix = "openai-insecure-api-key.";

/** Browsers cannot set headers, and send a key as a protocol; the answer names another one where there is one. */
function chooseProtocol(protocols: Set<string>): string | false {
  const [first] = protocols;
  return [...protocols].find((protocol) => !protocol.startsWith(keyPrefix)) ?? first ?? false;
}

/** Accepts one WebSocket. `ws` is loaded at the first one. */
async function createAcceptor(maxPayload: number): Promise<WebSocketServer> {
  const { WebSocketServer: Acceptor } = await import("ws");
  return new Acceptor({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    autoPong: false,
    maxPayload,
    handleProtocols: chooseProtocol,
  });
}

/** Creates the WebSockets of one server. */
export function createSessionServer(options: SessionServerOptions): SessionServer {
  const { sessions, maxCount, assertAllowed, takeRequestId, onOpen } = options;
  const open = new Set<SessionConnection>();
  let openedCount = 0;
  let isDraining = false;
  const servedAt = (target = ""): ServedSession | undefined => {
    const [path] = pathOfTarget(target).split("?", 1);
    return sessions.find((each) => each.path === path);
  };
  const assertRoom = (): void => {
    if (isDraining) throw engineUnavailable("The server is draining: new sessions are rejected");
    if (open.size < maxCount) return;
    const message = `The server has as many sessions as it may have: ${maxCount} (session.maxSessions)`;
    throw new ApiError("server_overloaded", message, { retryAfterMs: 1000 });
  };
  const run = (
    webSocket: WebSocket,
    served: ServedSession,
    request: { id: string; socket: Socket },
  ): void => {
    const { id: requestId, socket } = request;
    onOpen(socket);
    openedCount += 1;
    const session = runSession(webSocket, { requestId, socket, open: served.open }, served.connection);
    open.add(session);
    webSocket.once("close", () => open.delete(session));
    // It was accepted while the server began to drain.
    if (isDraining) void session.drain();
  };
  const accept = async (request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> => {
    const served = servedAt(request.url);
    if (served === undefined) throw new ApiError("unknown_url", "The path has no sessions");
    assertAllowed(request);
    assertRoom();
    const id = takeRequestId(request);
    const acceptor = await createAcceptor(served.connection.messages.limitBytes());
    acceptor.once("headers", (headers) => headers.push(`x-request-id: ${id}`));
    acceptor.once("wsClientError", (error) => {
      sendRawAnswer(socket, new ApiError("bad_request", `Expected a WebSocket: ${error.message}`), served);
    });
    acceptor.handleUpgrade(request, socket, head, (webSocket) => run(webSocket, served, { id, socket }));
  };

  return {
    get openCount() {
      return open.size;
    },
    get openedCount() {
      return openedCount;
    },
    hasSession: (target) => servedAt(target) !== undefined,
    upgrade(request, socket, head) {
      const onError = (): void => void socket.destroy();
      socket.on("error", onError);
      accept(request, socket, head).catch((error: unknown) => {
        const served = servedAt(request.url);
        if (served === undefined || socket.destroyed) socket.destroy();
        else sendRawAnswer(socket, toApiError(error), served);
      });
    },
    drain() {
      isDraining = true;
      for (const session of open) void session.drain();
    },
  };
}
