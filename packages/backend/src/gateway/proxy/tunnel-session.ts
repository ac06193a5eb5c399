import { STATUS_CODES, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { ApiError } from "../../api/shared/api-error.ts";
import type { Lease, LeaseOutcome } from "../router.ts";
import { readShort } from "./attempt.ts";
import { answerHeaders, requestHeaders } from "./pass-headers.ts";
import { isBusy, type ProxyOptions } from "./proxy-request.ts";
import { withoutBody } from "../../http/body/body-route.ts";
import { toRouteRequest } from "./read-route.ts";

/** A client that asks for a WebSocket. */
export interface SessionClient {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  /** What it sent after its request. */
  readonly head: Buffer;
  /** Path and query. */
  readonly target: string;
  readonly requestId: string;
}

/** How a backend answered: with a WebSocket, with something else, or not at all. */
type Opened =
  | { readonly answer: IncomingMessage; readonly socket: Socket; readonly head: Buffer }
  | { readonly answer: IncomingMessage; readonly socket?: undefined }
  | { readonly cause: unknown; readonly answer?: undefined };

function headOf(status: number, headers: readonly string[]): string {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}`];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    lines.push(`${headers[index]}: ${headers[index + 1]}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}

async function open(
  { request, target, requestId }: SessionClient,
  { backend }: Lease,
  { upstream, signal }: Pick<ProxyOptions, "upstream"> & { readonly signal: AbortSignal },
): Promise<Opened> {
  const passed = requestHeaders(request, { backend, requestId, bodyBytes: undefined, leftMs: undefined });
  const headers = [...passed, "connection", "Upgrade", "upgrade", "websocket"];
  const asked = upstream.send(
    { url: backend.url, method: "GET", target, headers, body: undefined },
    { isFresh: true },
  );
  const onAbort = (): void => void asked.destroy();
  signal.addEventListener("abort", onAbort, { once: true });
  return new Promise<Opened>((resolve) => {
    asked.on("error", (cause) => resolve({ cause }));
    asked.once("response", (answer) => resolve({ answer }));
    asked.once("upgrade", (answer, socket, head) => {
      signal.removeEventListener("abort", onAbort);
      // The times of requests do not hold for a session.
      socket.setTimeout(0);
      resolve({ answer, socket, head });
    });
  });
}

/** Passes bytes on in both directions until one side ends. */
async function join(client: Socket, backend: Socket): Promise<LeaseOutcome> {
  return new Promise((resolve) => {
    let outcome: LeaseOutcome = "completed";
    const end = (): void => {
      client.destroySoon();
      backend.destroySoon();
      resolve(outcome);
    };
    client.on("error", () => undefined).once("close", end);
    backend.on("error", () => (outcome = "failed-midstream")).once("close", end);
    client.pipe(backend);
    backend.pipe(client);
  });
}

/**
 * Passes a WebSocket on to a backend, which is chosen by the query's `model`, as messages come later. Another one is
 * tried until one accepts it.
 * @throws ApiError
 */
export async function tunnelSession(
  client: SessionClient,
  options: Omit<ProxyOptions, "bodies" | "owners"> & { readonly onOpen: (socket: Socket) => void },
): Promise<void> {
  const { request, socket, head, target, requestId } = client;
  const { router, upstream, budget, limits, logger } = options;
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  const [path = "", query = ""] = target.split("?", 2);
  const model = new URLSearchParams(query).get("model") ?? undefined;
  const route = toRouteRequest({ path, headers: request.headers }, { ...withoutBody, model }, undefined);
  const tried = new Set<string>();
  budget.onRequest();

  /** Whether the client has its answer. */
  const attempt = async (lease: Lease): Promise<readonly [LeaseOutcome, isAnswered: boolean]> => {
    const opened = await open(client, lease, { upstream, signal: gone.signal });
    if (gone.signal.aborted) {
      opened.answer?.socket.destroy();
      return ["cancelled", true];
    }
    const { id } = lease.backend;
    if (opened.answer === undefined) {
      logger.warn({ requestId, backend: id, err: opened.cause }, "a backend failed before it answered");
      return ["failed-before-first-byte", false];
    }
    const { statusCode: status = 502 } = opened.answer;
    const own = ["x-request-id", requestId, "x-infernode-backend", id];
    const headers = [...answerHeaders(opened.answer), ...own];
    if (opened.socket === undefined) {
      const body = await readShort(opened.answer, gone.signal);
      if (body === undefined) return ["failed-before-first-byte", false];
      if (isBusy(status)) return ["refused", false];
      socket.end(Buffer.concat([Buffer.from(headOf(status, [...headers, "connection", "close"])), body]));
      return ["completed", true];
    }
    lease.begin();
    options.onOpen(socket);
    socket.write(headOf(101, [...headers, "connection", "Upgrade", "upgrade", "websocket"]));
    socket.write(opened.head);
    opened.socket.write(head);
    logger.info({ requestId, backend: id }, "session opened");
    return [await join(socket, opened.socket), true];
  };

  do {
    const lease = await router.acquire(route, tried, gone.signal);
    const backend = lease.backend.id;
    tried.add(backend);
    let [outcome, isAnswered]: readonly [LeaseOutcome, boolean] = ["cancelled", false];
    try {
      [outcome, isAnswered] = await attempt(lease);
    } finally {
      lease.end(outcome);
      options.onAttempt({ backend, outcome });
    }
    if (isAnswered) return;
  } while (tried.size < limits().maxAttempts && tried.size < router.backends().length && budget.take());
  throw new ApiError("backend_unavailable", "No backend opens a session now", { retryAfterMs: 2000 });
}
