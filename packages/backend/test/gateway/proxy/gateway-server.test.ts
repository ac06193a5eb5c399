import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { openConnection, postRequest } from "../../http/raw-connection.ts";
import { answers, completes, startBackend, streamHead, type Script } from "./support/script-backend.ts";
import { chat, startGateway } from "./support/start-gateway.ts";

const path = "/v1/chat/completions";
const whole = ['data: {"n":1}\n\n', "data: [DONE]\n\n"];

/** Begins a stream that goes on. */
const begins: Script = (_request, response) => {
  response.writeHead(200, streamHead);
  response.write(whole[0] ?? "");
};

test("requests and answers are passed on as they are, without what concerns one connection", async () => {
  const backend = await startBackend("a", (_request, response) => {
    response.writeHead(201, "Made", {
      "X-Own": "1",
      "set-cookie": ["a=1", "b=2"],
      "access-control-allow-origin": "*",
    });
    response.end("\u0000\u00ff", "latin1");
  });
  const gateway = await startGateway([backend.known]);
  const text = '{ "model":"tiny",  "seed":12345678901234567890 }';
  const answer = await gateway.ask(`${path}?a=%20b`, {
    body: text,
    headers: {
      traceparent: "00-1-2-01",
      "X-Priority": "high",
      connection: "x-hop",
      "x-hop": "1",
      authorization: "Bearer mine",
      "x-request-id": "own-id",
      "x-forwarded-for": "10.0.0.1",
      origin: "http://localhost",
    },
  });
  const [seen] = backend.seen;
  expect(seen).toMatchObject({ method: "POST", target: `${path}?a=%20b`, body: text });
  expect(seen?.headers).toMatchObject({
    host: backend.known.backend.url.host,
    traceparent: "00-1-2-01",
    "x-priority": "high",
    authorization: "Bearer mine",
    "x-request-id": "own-id",
    "content-length": String(text.length),
  });
  expect(seen?.headers["x-forwarded-for"]).toBe("10.0.0.1, 127.0.0.1");
  for (const name of ["x-hop", "origin", "accept-encoding"]) expect(seen?.headers).not.toHaveProperty(name);
  expect(answer.status).toBe(201);
  expect(answer.headers).toMatchObject({
    "x-own": "1",
    "set-cookie": ["a=1", "b=2"],
    "x-request-id": "own-id",
    "x-infernode-backend": "a",
  });
  expect(answer.headers).not.toHaveProperty("access-control-allow-origin");
  expect(gateway.logLines.at(-1)).toMatchObject({
    requestId: "own-id",
    backend: "a",
    model: "tiny",
    status: 201,
  });
});

test("a backend's own key and path take the place of the client's", async () => {
  const script = await startBackend("a", completes(...whole));
  const url = new URL("/openai/v1", script.known.backend.url);
  const backend = { ...script.known.backend, url, headers: { Authorization: "Bearer secret" } };
  const gateway = await startGateway([{ ...script.known, backend }]);
  await gateway.ask(path, { body: chat, headers: { authorization: "Bearer mine", "x-api-key": "mine" } });
  expect(script.seen[0]?.target).toBe("/openai/v1/chat/completions");
  expect(script.seen[0]?.headers.authorization).toBe("Bearer secret");
  expect(script.seen[0]?.headers).not.toHaveProperty("x-api-key");
});

test("a client that goes away ends its request at the backend, before and in its answer", async () => {
  const backend = await startBackend("a", () => undefined);
  const gateway = await startGateway([backend.known]);
  for (const script of [() => undefined, begins]) {
    backend.become(script);
    const arrived = backend.next();
    const { socket, waitFor } = await openConnection(gateway.port);
    socket.write(postRequest(path, chat));
    const { closed } = await arrived;
    if (script === begins) await waitFor("data: ");
    socket.destroy();
    await closed;
  }
  expect(gateway.attempts.map(({ outcome }) => outcome)).toEqual(["cancelled", "cancelled"]);
});

test("a backend is read no faster than the client reads, and a client that reads nothing is cut off", async () => {
  const piece = `data: ${"x".repeat(65_536)}\n\n`;
  let written = 0;
  const backend = await startBackend("a", (_request, response) => {
    response.writeHead(200, streamHead);
    const more = (): void => {
      do written += piece.length;
      while (response.write(piece));
    };
    response.on("drain", more);
    more();
  });
  const gateway = await startGateway([backend.known], { writeTimeoutMs: 100 });
  const arrived = backend.next();
  const socket = connect(gateway.port, "127.0.0.1");
  await once(socket, "connect");
  socket.pause();
  socket.write(postRequest(path, chat));
  await (
    await arrived
  ).closed;
  // What the sockets' buffers hold.
  expect(written).toBeLessThan(64 * 2 ** 20);
  socket.destroy();
  expect(gateway.logLines.at(-1)).toMatchObject({ cutBy: "SLOW_READER" });
});

test("the gateway answers for itself what no backend is asked", async () => {
  const backend = await startBackend("a", completes(...whole));
  const gateway = await startGateway([backend.known]);
  const get = async (target: string) => gateway.ask(target, { method: "GET" });
  expect(JSON.parse((await get("/v1/models")).text)).toEqual({
    object: "list",
    data: [
      {
        id: "tiny",
        object: "model",
        created: 0,
        owned_by: "infernode",
        max_model_len: 512,
        state: "ready",
        aliases: ["small"],
        backends: ["a"],
      },
    ],
  });
  expect(JSON.parse((await get("/v1/models/small")).text)).toMatchObject({ id: "tiny" });
  expect(await get("/v1/models/other")).toMatchObject({ status: 404 });
  expect(await get("/health/ready")).toMatchObject({ status: 200 });
  expect((await get("/metrics")).text).toBe("up 1\n");
  expect(JSON.parse((await get("/version")).text)).toEqual({ version: "1.2.3" });
  expect(await gateway.ask("/version", { method: "POST" })).toMatchObject({ status: 405 });
  for (const target of ["/nothing", "/v1/../admin", "/v1/%2e%2e/admin", "/v1/load_lora_adapter"]) {
    expect(await gateway.ask(target, { body: {} })).toMatchObject({ status: 404 });
  }
  expect(backend.seen).toHaveLength(0);
});

test("what cannot be routed is refused in the format of its path", async () => {
  const gateway = await startGateway([(await startBackend("a", completes(...whole))).known]);
  const unknown = await gateway.ask(path, { body: { ...chat, model: "huge" } });
  expect(JSON.parse(unknown.text)).toMatchObject({ error: { code: "model_not_found", param: "model" } });
  const messages = await gateway.ask("/v1/messages", { body: { ...chat, model: "huge" } });
  expect(messages.status).toBe(404);
  expect(JSON.parse(messages.text)).toMatchObject({ type: "error", error: { type: "not_found_error" } });
  expect(messages.headers["request-id"]).toBe(messages.headers["x-request-id"]);
  const large = await gateway.ask(path, { body: chat, headers: { "content-encoding": "gzip" } });
  expect(large.status).toBe(415);
});

test("pages of other origins are allowed by the gateway, not by backends", async () => {
  const backend = await startBackend("a", completes(...whole));
  const gateway = await startGateway([backend.known], { corsOrigins: ["https://app.example"] });
  const headers = { origin: "https://app.example", "access-control-request-headers": "authorization" };
  const preflight = await gateway.ask(path, { method: "OPTIONS", headers });
  expect(preflight).toMatchObject({ status: 204 });
  expect(preflight.headers).toMatchObject({
    "access-control-allow-origin": "https://app.example",
    "access-control-allow-headers": "authorization",
    vary: "origin",
  });
  const asked = await gateway.ask(path, { body: chat, headers: { origin: "https://app.example" } });
  expect(asked.headers["access-control-expose-headers"]).toContain("x-request-id");
  const other = await gateway.ask(path, { body: chat, headers: { origin: "https://other.example" } });
  expect(other.status).toBe(403);
});

test("a stored response is asked for where it is kept, and looked for where that is unknown", async () => {
  const missing = { error: { code: "response_not_found" } };
  const first = await startBackend("a", answers(404, missing));
  const second = await startBackend("b", answers(200, { id: "resp_1", object: "response" }));
  const gateway = await startGateway([first.known, second.known]);
  const get = async (target: string) => gateway.ask(target, { method: "GET" });
  expect(await get("/v1/responses/resp_1")).toMatchObject({ status: 200 });
  expect(gateway.attempts.map(({ backend }) => backend)).toEqual(["a", "b"]);
  for (let count = 0; count < 3; count += 1) await get("/v1/responses/resp_1/input_items");
  await gateway.ask("/v1/responses", { body: { model: "tiny", previous_response_id: "resp_1" } });
  expect(gateway.attempts.slice(2).map(({ backend }) => backend)).toEqual(["b", "b", "b", "b"]);
  second.become(answers(404, missing));
  expect(await get("/v1/responses/resp_2")).toMatchObject({ status: 404, text: JSON.stringify(missing) });
});

test("the backend of a new response is remembered, streamed or not", async () => {
  const created = { type: "response.created", response: { id: "resp_7" } };
  const script: Script = (request, response) => {
    const isStream = request.body.includes('"stream":true');
    if (isStream) {
      completes(`event: response.created\ndata: ${JSON.stringify(created)}\n\n`)(request, response);
    } else {
      answers(200, { id: "resp_8" })(request, response);
    }
  };
  const backends = [await startBackend("a", script), await startBackend("b", script)];
  const gateway = await startGateway(backends.map(({ known }) => known));
  await gateway.ask("/v1/responses", { body: { model: "tiny", stream: true } });
  await gateway.ask("/v1/responses", { body: { model: "tiny" } });
  for (const id of ["resp_7", "resp_8", "resp_7", "resp_8"]) {
    await gateway.ask(`/v1/responses/${id}`, { method: "DELETE" });
  }
  expect(gateway.attempts.map(({ backend }) => backend)).toEqual(["a", "b", "a", "b", "a", "b"]);
});
