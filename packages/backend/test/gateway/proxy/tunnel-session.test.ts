import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { KnownBackend } from "../../../src/gateway/backends/backend-table.ts";
import { startGateway, type TestGateway } from "./support/start-gateway.ts";

/** Starts a backend whose sessions send each message back; with a status it opens none. */
async function startEcho(id: string, { model = "tiny", status = 101 } = {}) {
  const sessions = new WebSocketServer({ noServer: true });
  const requests: IncomingMessage[] = [];
  const server = createServer().on("upgrade", (request, socket, head) => {
    requests.push(request);
    if (status !== 101) {
      socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 4\r\nconnection: close\r\n\r\nsaid`);
      return;
    }
    sessions.handleUpgrade(request, socket, head, (session) => {
      session.on("message", (data, isBinary) => session.send(data, { binary: isBinary }));
      sessions.emit("connection", session);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const session of sessions.clients) session.terminate();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const known: KnownBackend = {
    backend: {
      id,
      url: new URL(`http://127.0.0.1:${port}`),
      headers: { authorization: "Bearer of-the-gateway" },
      source: "static",
    },
    isHealthy: true,
    models: [{ id: model, aliases: [], isReady: true, contextTokens: 512 }],
  };
  return { known, requests, next: async () => ((await once(sessions, "connection")) as [WebSocket])[0] };
}

/** Opens a session; resolves with the answer of HTTP where there is none. */
async function open({ port }: TestGateway, query = "") {
  const webSocket = new WebSocket(`ws://127.0.0.1:${port}/v1/responses${query}`, ["realtime"], {
    headers: { "x-request-id": "of-the-client", authorization: "Bearer of-the-client" },
  });
  const answer = await new Promise<IncomingMessage>((resolve) => {
    webSocket.once("upgrade", resolve);
    webSocket.once("unexpected-response", (_request, response: IncomingMessage) => resolve(response));
  });
  webSocket.on("error", () => undefined);
  onTestFinished(() => webSocket.terminate());
  return { webSocket, answer };
}

async function bodyOf(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of answer.setEncoding("utf8")) text += String(part);
  return text;
}

test("a session goes to a backend of the query's model, byte for byte in both directions", async () => {
  const other = await startEcho("a", { model: "other" });
  const backend = await startEcho("b");
  const gateway = await startGateway([other.known, backend.known]);
  const { webSocket, answer } = await open(gateway, "?model=tiny");
  expect(answer.headers).toMatchObject({
    "x-infernode-backend": "b",
    "x-request-id": "of-the-client",
    "sec-websocket-protocol": "realtime",
  });
  for (const message of ["hello", Buffer.alloc(3_000_000, 7)]) {
    webSocket.send(message);
    const [echo, isBinary] = (await once(webSocket, "message")) as [Buffer, boolean];
    expect(isBinary).toBe(typeof message !== "string");
    expect(echo.equals(Buffer.from(message))).toBe(true);
  }
  expect(backend.requests[0]?.headers).toMatchObject({
    "x-request-id": "of-the-client",
    authorization: "Bearer of-the-gateway",
  });
  webSocket.close(1000, "done");
  await once(webSocket, "close");
  expect(other.requests).toHaveLength(0);
});

test("how a backend closes a session reaches the client; a client that is gone closes the backend's", async () => {
  const backend = await startEcho("a");
  const gateway = await startGateway([backend.known]);
  const begun = backend.next();
  const { webSocket } = await open(gateway);
  const session = await begun;
  session.close(4001, "enough");
  expect((await once(webSocket, "close")).map(String)).toEqual(["4001", "enough"]);
  const again = backend.next();
  const { webSocket: other } = await open(gateway);
  const second = await again;
  other.terminate();
  expect((await once(second, "close"))[0]).toBe(1006);
  await expect
    .poll(() => gateway.attempts, { interval: 5 })
    .toMatchObject([{ outcome: "completed" }, { outcome: "completed" }]);
});

test("where a backend takes no session another one gets it; another answer is the client's", async () => {
  const draining = await startEcho("a", { status: 503 });
  const backend = await startEcho("b");
  const gateway = await startGateway([draining.known, backend.known]);
  const { answer } = await open(gateway);
  expect(answer.headers["x-infernode-backend"]).toBe("b");
  expect(gateway.attempts).toEqual([{ backend: "a", outcome: "refused" }]);

  const refusing = await startGateway([(await startEcho("a", { status: 403 })).known]);
  const { answer: refused } = await open(refusing);
  expect([refused.statusCode, await bodyOf(refused)]).toEqual([403, "said"]);

  const alone = await startGateway([draining.known]);
  const { answer: none } = await open(alone);
  expect(none.statusCode).toBe(503);
  expect(JSON.parse(await bodyOf(none))).toMatchObject({ error: { code: "backend_unavailable" } });
});

test("a session for a model that no backend has is refused, and so is one that names none of several", async () => {
  const backends = [await startEcho("a"), await startEcho("b", { model: "other" })];
  const gateway = await startGateway(backends.map(({ known }) => known));
  const { answer: unknown } = await open(gateway, "?model=missing");
  expect(JSON.parse(await bodyOf(unknown))).toMatchObject({ error: { code: "model_not_found" } });
  const { answer: unnamed } = await open(gateway);
  expect(JSON.parse(await bodyOf(unnamed))).toMatchObject({ error: { code: "missing_required_parameter" } });
});
