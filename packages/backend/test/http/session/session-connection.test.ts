import { once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { createGate, modelId } from "../fake-engine.ts";
import { openConnection } from "../raw-connection.ts";
import { sessionConfig, startServer, type TestServer } from "../start-server.ts";
import { lastTypes, openSession } from "./open-session.ts";

const path = "/v1/responses";
const body = { model: modelId, input: "Tell me of a fox.", seed: 7 };
const limitBytes = 100_000;
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ bodyLimitBytes: limitBytes, corsOrigins: ["https://app.example"] });
});
afterAll(async () => server.close());

/** What a request for a WebSocket is answered with, where it is not one. */
async function refusal(url: string, headers: Record<string, string>): Promise<Record<string, unknown>> {
  const webSocket = new WebSocket(`${url.replace("http", "ws")}${path}`, { headers });
  webSocket.on("error", () => undefined);
  const [, response] = (await once(webSocket, "unexpected-response")) as [
    unknown,
    { statusCode: number; headers: Record<string, string> } & AsyncIterable<Buffer>,
  ];
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part);
  const { error } = JSON.parse(Buffer.concat(parts).toString()) as { error: { code: string } };
  return { status: response.statusCode, code: error.code, id: response.headers["x-request-id"] };
}

/** A frame that a client sends, with a mask of zeros. */
function frame(opcode: number, payload: Buffer | string, isLast = true): Buffer {
  const bytes = Buffer.from(payload);
  const length =
    bytes.length < 126
      ? Buffer.of(0x80 | bytes.length)
      : Buffer.of(0x80 | 126, bytes.length >> 8, bytes.length & 0xff);
  return Buffer.concat([Buffer.of((isLast ? 0x80 : 0) | opcode), length, Buffer.alloc(4), bytes]);
}

const handshake =
  `GET ${path} HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n` +
  "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

describe("opening", () => {
  test("names the request, and another protocol than the one with the key", async () => {
    const webSocket = new WebSocket(
      `${server.url.replace("http", "ws")}${path}`,
      ["realtime", "openai-insecure-api-key.sk-secret"],
      { headers: { "x-request-id": "mine-1", authorization: "Bearer any" } },
    );
    const [[response]] = (await Promise.all([once(webSocket, "upgrade"), once(webSocket, "open")])) as [
      [{ headers: Record<string, string> }],
      unknown,
    ];
    expect(response.headers["x-request-id"]).toBe("mine-1");
    expect(webSocket.protocol).toBe("realtime");
    webSocket.close();
    await once(webSocket, "close");
    expect(JSON.stringify(server.logLines)).not.toContain("sk-secret");
  });

  test.each([
    ["https://evil.example", 403],
    ["null", 403],
    ["http://localhost:5173", 101],
    ["https://app.example", 101],
  ])("from the origin %s is answered with %i", async (origin, status) => {
    if (status === 101) {
      using session = await openSession(server.url, { headers: { origin } });
      expect(session.webSocket.readyState).toBe(WebSocket.OPEN);
    } else {
      expect(await refusal(server.url, { origin })).toMatchObject({ status, code: "origin_not_allowed" });
    }
  });

  test("by a foreign name is refused", async () => {
    expect(await refusal(server.url, { host: "evil.example" })).toMatchObject({
      status: 403,
      code: "host_not_allowed",
      id: expect.stringMatching(/^req_/),
    });
  });

  test("without a key of the handshake is refused in JSON", async () => {
    const { socket, closed } = await openConnection(server.port);
    socket.write(handshake.replace(/sec-websocket-key.*\r\n/, "") + "\r\n");
    const answer = await closed();
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":"bad_request"');
  });

  test("beyond the limit of sessions is refused, and possible when one has closed", async () => {
    await using own = await startServer({ session: { ...sessionConfig, maxSessions: 1 } });
    const first = await openSession(own.url);
    expect(await refusal(own.url, {})).toMatchObject({ status: 503, code: "server_overloaded" });
    first.webSocket.close();
    await first.closed;
    await nextTurn();
    using second = await openSession(own.url);
    expect(second.webSocket.readyState).toBe(WebSocket.OPEN);
  });

  test.each(["h2c", "websocket"])(
    "another path or method that asks for %s is an ordinary request",
    async (name) => {
      const { socket, waitFor } = await openConnection(server.port);
      const text = JSON.stringify({ model: modelId, prompt: "Hi", max_tokens: 2 });
      socket.write(
        `POST /v1/completions HTTP/1.1\r\nhost: localhost\r\nupgrade: ${name}\r\nconnection: upgrade\r\n` +
          `content-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
      );
      await waitFor('"finish_reason":"length"');
      socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
      expect(await waitFor("method_not_allowed")).toContain("HTTP/1.1 405 ");
      socket.destroy();
    },
  );
});

describe("a message", () => {
  test.each([
    ["that is no JSON", "{", { code: "invalid_json" }],
    ["that is no object", "[1]", { code: "invalid_value", param: "type" }],
    ["without a type", "{}", { code: "missing_required_parameter", param: "type" }],
    ["of an unknown type", '{"type":"response.dance"}', { code: "invalid_value", param: "type" }],
    ["that steers", '{"type":"response.steer"}', { code: "unsupported_parameter", param: "type" }],
    ["with an unknown field", { type: "response.cancel", response_id: "a", b: 1 }, { param: "b" }],
    ["without an id", { type: "response.resume" }, { param: "response_id" }],
    [
      "with a wrong place",
      { type: "response.resume", response_id: "a", starting_after: -1 },
      { param: "starting_after" },
    ],
    ["with a wrong lane", { type: "response.create", ...body, stream_id: 5 }, { param: "stream_id" }],
    ["in the background", { type: "response.create", ...body, background: true }, { param: "background" }],
    ["that is not streamed", { type: "response.create", ...body, stream: false }, { param: "stream" }],
    ["that generates nothing", { type: "response.create", ...body, generate: false }, { param: "generate" }],
    ["with __proto__", '{"type":"response.create","__proto__":1}', { code: "unknown_parameter" }],
  ])("%s is an error that names it, and the session goes on", async (_name, message, error) => {
    using session = await openSession(server.url);
    session.send(message);
    expect(await session.next()).toMatchObject({ type: "error", status: 400, error });
    session.send({ type: "response.create", ...body });
    await session.until(...lastTypes);
  });

  test("that is binary is an error, and the session goes on", async () => {
    using session = await openSession(server.url);
    session.webSocket.send(Buffer.from(JSON.stringify({ type: "response.create", ...body })));
    expect(await session.next()).toMatchObject({
      error: { code: "invalid_json", message: expect.stringContaining("a binary message") },
    });
    session.send({ type: "response.create", ...body });
    await session.until(...lastTypes);
  });

  test("that is too large is an error, and closes the session", async () => {
    using session = await openSession(server.url);
    session.send({ type: "response.create", ...body, input: "x".repeat(limitBytes) });
    expect(await session.next()).toMatchObject({ status: 413, error: { code: "request_too_large" } });
    expect((await session.closed).code).toBe(1009);
  });

  test("of 64 KiB and more is parsed beside the event loop", async () => {
    using session = await openSession(server.url);
    session.send({ type: "response.create", ...body, metadata: { filler: "x" }, input: " ".repeat(70_000) });
    expect((await session.next()).type).toBe("error");
    expect(server.largeBodies.at(-1)).toBeGreaterThan(70_000);
  });

  test("whose text is not UTF-8 closes the session", async () => {
    const { socket, waitFor, closed } = await openConnection(server.port);
    socket.write(`${handshake}\r\n`);
    await waitFor("101 Switching Protocols");
    socket.write(frame(1, Buffer.of(0xff, 0xfe)));
    socket.once("data", () => socket.end());
    expect(await closed()).toContain("101 Switching Protocols");
    await expect
      .poll(() => server.logLines.findLast(({ msg }) => msg === "session"))
      .toMatchObject({ reason: expect.stringContaining("UTF-8") });
  });

  test("that does not arrive whole in time closes the session, with pings in between", async () => {
    await using own = await startServer({ requestTimeoutMs: 100 });
    const { socket, waitFor } = await openConnection(own.port);
    socket.write(`${handshake}\r\n`);
    await waitFor("101 Switching Protocols");
    socket.write(frame(1, '{"type":', false));
    const pings = setInterval(() => socket.write(frame(9, "hi")), 10);
    expect(await waitFor("a message did not arrive in time")).toContain("a message did not");
    clearInterval(pings);
    socket.destroy();
  });

  test("in many parts, among pings, is one message; pings alone use no memory", async () => {
    const { socket, waitFor } = await openConnection(server.port);
    socket.write(`${handshake}\r\n`);
    await waitFor("101 Switching Protocols");
    for (let count = 0; count < 2000; count += 1) socket.write(frame(9, "x".repeat(125)));
    const text = JSON.stringify({ type: "response.create", ...body });
    for (let index = 0; index < text.length; index += 1) {
      socket.write(frame(index === 0 ? 1 : 0, text.charAt(index), index === text.length - 1));
      socket.write(frame(9, "p"));
    }
    expect(await waitFor("response.completed")).not.toContain('"error":{');
    socket.destroy();
  });
});

describe("a connection", () => {
  test("on which nothing happens closes", async () => {
    await using own = await startServer({ session: { ...sessionConfig, idleTimeoutMs: 100 } });
    using session = await openSession(own.url);
    expect(await session.closed).toEqual({ code: 1000, reason: "nothing happened for 100 ms" });
  });

  test("with a response is not idle", async () => {
    await using own = await startServer({ session: { ...sessionConfig, idleTimeoutMs: 100 } });
    const gate = createGate();
    own.engine.tokenGate = async () => gate.opened;
    using session = await openSession(own.url);
    session.send({ type: "response.create", ...body });
    // Three pings, one for each time in which it could have closed.
    for (let count = 0; count < 3; count += 1) await once(session.webSocket, "ping");
    gate.open();
    expect((await session.until(...lastTypes)).at(-1)?.type).toBe("response.completed");
  });

  test("whose client answers no ping is cut", async () => {
    await using own = await startServer({ pingIntervalMs: 50 });
    using session = await openSession(own.url, { autoPong: false });
    expect((await session.closed).code).toBe(1006);
    await expect
      .poll(() => own.logLines.findLast(({ msg }) => msg === "session"))
      .toMatchObject({ reason: "the client did not answer a ping" });
  });

  test("whose client reads nothing is cut, and its response is cancelled", async () => {
    await using own = await startServer({
      writeTimeoutMs: 200,
      session: { ...sessionConfig, graceMs: 50, responseBytes: 2 ** 17 },
    });
    own.engine.padding = "x".repeat(4_000_000);
    const running = own.engine.nextRun();
    const { socket, waitFor } = await openConnection(own.port);
    socket.write(`${handshake}\r\n`);
    await waitFor("101 Switching Protocols");
    socket.pause();
    socket.write(frame(1, JSON.stringify({ type: "response.create", ...body })));
    const run = await running;
    expect(await run.stopped).toMatchObject({ code: "RESPONSE_CANCELLED" });
    await expect
      .poll(() => own.logLines.findLast(({ msg }) => msg === "session"))
      .toMatchObject({ reason: "the client read nothing for too long" });
    socket.destroy();
  });

  test("of a draining server closes after its response; others are refused", async () => {
    const own = await startServer();
    const gate = createGate();
    own.engine.tokenGate = async () => gate.opened;
    using idle = await openSession(own.url);
    using busy = await openSession(own.url);
    busy.send({ type: "response.create", ...body });
    await busy.next();
    own.server.drain({ timeoutMs: 20_000 });
    expect((await idle.closed).code).toBe(1001);
    expect(await refusal(own.url, {})).toMatchObject({ status: 503, code: "engine_unavailable" });
    busy.send({ type: "response.create", ...body });
    expect((await busy.until("error")).at(-1)).toMatchObject({ status: 503 });
    gate.open();
    expect((await busy.until(...lastTypes)).at(-1)).toMatchObject({ type: "response.completed" });
    expect(await busy.closed).toEqual({ code: 1001, reason: "the server is draining" });
    await own.close();
  });
});

test("a thousand sessions, closed and cut, leave nothing behind", async () => {
  await using own = await startServer({ session: { ...sessionConfig, holdMs: 0, graceMs: 0 } });
  const metrics = async (): Promise<unknown> => {
    await fetch(`${own.url}/metrics`);
    return own.sessionSamples.at(-1);
  };
  for (let round = 0; round < 20; round += 1) {
    const sessions = await Promise.all(Array.from({ length: 50 }, async () => openSession(own.url)));
    for (const [index, session] of sessions.entries()) {
      if (index % 10 === 0) session.send({ type: "response.create", ...body, seed: index });
      if (index % 3 === 0) session.webSocket.close();
      else session.webSocket.terminate();
    }
    await Promise.all(sessions.map(async ({ closed }) => closed));
  }
  await Promise.all(own.engine.runs.map(async ({ stopped }) => stopped));
  await expect.poll(metrics).toEqual({
    openSessionCount: 0,
    openedSessionCount: 1000,
    runningResponseCount: 0,
    endedResponseCount: 0,
    heldBytes: 0,
  });
}, 60_000);
