import type { Socket } from "node:net";
import type { Logger } from "pino";
import type { RawData, WebSocket } from "ws";
import { ApiError, invalidJson } from "../../api/shared/api-error.ts";
import type { Session, SessionPeer } from "../../api/shared/session.ts";
import type { BodyShare } from "../body/body-budget.ts";
import { createMessageMeter } from "./message-meter.ts";
import { createMessageWriter } from "./message-writer.ts";

/** Why the server closes a session, as WebSockets have it. */
const closeCodes = {
  normal: 1000,
  goingAway: 1001,
  policy: 1008,
  tooLarge: 1009,
  tryLater: 1013,
} as const;

/** How long the client may take to close what the server closes. */
const closeTimeoutMs = 5000;

/** What all sessions of a server share. */
export interface SessionConnectionOptions {
  readonly logger: Logger;
  readonly clock: { now(): number };
  readonly config: {
    readonly pingIntervalMs: number;
    readonly writeTimeoutMs: number;
    readonly requestTimeoutMs: number;
    readonly idleTimeoutMs: number;
  };
  readonly messages: {
    readonly limitBytes: () => number;
    readonly memoryPerByte: number;
    readonly openShare: () => BodyShare;
    /** @throws ApiError 400 */
    readonly parse: (bytes: Buffer) => Promise<unknown>;
  };
  /** Leaves out what a lenient server ignores. */
  readonly leaveOut: (
    body: unknown,
    namesOf: (body: unknown) => readonly string[],
    requestId: string,
  ) => unknown;
}

/** The connection of one session. */
export interface SessionConnection {
  /** Closes it when what runs has been sent; resolves when it has closed. */
  drain(): Promise<void>;
}

/** What is opened over a connection. */
export interface SessionRequest {
  readonly requestId: string;
  readonly socket: Socket;
  readonly open: (peer: SessionPeer) => Session;
}

/** Runs a session over a WebSocket that has been accepted. */
export function runSession(
  webSocket: WebSocket,
  { requestId, socket, open }: SessionRequest,
  options: SessionConnectionOptions,
): SessionConnection {
  const { logger, clock, config, messages } = options;
  const startedAtMs = clock.now();
  const bytesBefore = { read: socket.bytesRead, written: socket.bytesWritten };
  let isAlive = true;
  let idleSinceMs = startedAtMs;
  let closeReason: string | undefined;
  const closed = new Promise<void>((resolve) => webSocket.once("close", () => resolve()));

  const close = (code: number, reason: string): void => {
    closeReason ??= reason;
    webSocket.close(code, reason);
  };
  const terminate = (reason: string): void => {
    closeReason ??= reason;
    webSocket.terminate();
  };
  const writer = createMessageWriter(webSocket, {
    writeTimeoutMs: config.writeTimeoutMs,
    onStuck: () => terminate("the client read nothing for too long"),
  });
  const leaveOut: SessionPeer["leaveOut"] = (body, namesOf) => options.leaveOut(body, namesOf, requestId);
  const session = open({ requestId, send: writer.send, leaveOut });
  const meter = createMessageMeter({
    openShare: messages.openShare,
    memoryPerByte: messages.memoryPerByte,
    timeoutMs: config.requestTimeoutMs,
    onLate: () => close(closeCodes.policy, "a message did not arrive in time"),
    onNoRoom: () => close(closeCodes.tryLater, "the memory for messages is used up"),
  });
  const inbox: { readonly bytes: Buffer; readonly isBinary: boolean; readonly share: BodyShare }[] = [];
  let isReading = false;

  const read = async (message: (typeof inbox)[number]): Promise<void> => {
    const { bytes, isBinary, share } = message;
    share.settle(bytes.length * messages.memoryPerByte);
    const release = (): void => share.release();
    try {
      if (isBinary) throw invalidJson("JSON in a text message", "a binary message");
      await session.receive(await messages.parse(bytes), release);
    } catch (error) {
      release();
      await session.reject(error as ApiError);
    }
    idleSinceMs = clock.now();
  };
  /** Nothing more is read from the connection until what was received is taken. */
  const readAll = async (): Promise<void> => {
    if (isReading) return;
    isReading = true;
    webSocket.pause();
    for (let next = inbox.shift(); next !== undefined; next = inbox.shift()) await read(next);
    webSocket.resume();
    isReading = false;
  };
  const explainClose = (code: number): void => {
    if (code !== closeCodes.tooLarge || webSocket.readyState !== webSocket.OPEN) return;
    const message = `Expected a message of at most ${messages.limitBytes()} bytes (server.bodyLimitBytes), got more`;
    void session.reject(new ApiError("request_too_large", message));
  };
  // The protocol's own errors close the connection by this method; the client learns the reason before that.
  const closeNow = webSocket.close.bind(webSocket);
  let closeTimer: NodeJS.Timeout | undefined;
  webSocket.close = (code, reason) => {
    if (code !== undefined) explainClose(code);
    closeNow(code, reason);
    closeTimer ??= setTimeout(() => webSocket.terminate(), closeTimeoutMs);
  };

  const tick = (): void => {
    if (!isAlive) {
      terminate("the client did not answer a ping");
      return;
    }
    if (!session.isBusy && clock.now() - idleSinceMs >= config.idleTimeoutMs) {
      close(closeCodes.normal, `nothing happened for ${config.idleTimeoutMs} ms`);
      return;
    }
    if (session.isBusy) idleSinceMs = clock.now();
    isAlive = false;
    webSocket.ping();
  };
  const timer = setInterval(tick, Math.min(config.pingIntervalMs, config.idleTimeoutMs));

  // Before the listener of the WebSocket, which takes the messages.
  socket.prependListener("data", (bytes: Buffer) => {
    isAlive = true;
    meter.add(bytes.length);
  });
  webSocket.on("message", (data: RawData, isBinary: boolean) => {
    inbox.push({ bytes: data as Buffer, isBinary, share: meter.take() });
    void readAll();
  });
  webSocket.on("ping", (data: Buffer) => {
    meter.control(data.length);
    // A client that reads nothing gets no more of them.
    if (webSocket.bufferedAmount < 65_536) webSocket.pong(data);
  });
  webSocket.on("pong", (data: Buffer) => meter.control(data.length));
  webSocket.on("error", (error) => {
    closeReason ??= error.message;
  });
  webSocket.once("close", (code: number) => {
    clearInterval(timer);
    clearTimeout(closeTimer);
    meter.dispose();
    writer.dispose();
    session.close();
    for (const { share } of inbox.splice(0)) share.release();
    logger.info(
      {
        requestId,
        closeCode: code,
        ...(closeReason === undefined ? {} : { reason: closeReason }),
        durationMs: Math.round(clock.now() - startedAtMs),
        responses: session.responseCount,
        receivedBytes: socket.bytesRead - bytesBefore.read,
        sentBytes: socket.bytesWritten - bytesBefore.written,
      },
      "session",
    );
  });
  return {
    async drain() {
      await session.drain();
      close(closeCodes.goingAway, "the server is draining");
      await closed;
    },
  };
}
