import { once } from "node:events";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BackendError, EngineRequestError } from "../../src/errors.ts";
import { modelId } from "./fake-engine.ts";
import { openConnection } from "./raw-connection.ts";
import { readSse } from "./read-sse.ts";
import { startServer, type TestServer } from "./start-server.ts";

const chat = "/v1/chat/completions";
const body = { model: modelId, messages: [{ role: "user" as const, content: "hi" }], max_tokens: 4 };
let server: TestServer;

beforeEach(async () => {
  server = await startServer({ bodyLimitBytes: 10_000 });
});
afterEach(async () => server.close());

interface ApiErrorObject {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string;
}

/** The error of an answer whose status, headers and shape are those of every error. */
async function readError(response: Response, status: number): Promise<ApiErrorObject> {
  expect(response.status).toBe(status);
  expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
  expect(response.headers.get("x-request-id")).toMatch(/./);
  const answer = (await response.json()) as { error: ApiErrorObject };
  expect(Object.keys(answer)).toEqual(["error"]);
  expect(Object.keys(answer.error)).toEqual(["message", "type", "param", "code"]);
  return answer.error;
}

test.each([
  ["", /empty body/],
  ["   ", /empty body/],
  ['{"model": "a",}', /key in double quotes at line 1, column 15 \(position 14\), got "}"/],
  ['{\n  "model" "a"}', /expected `:` at line 2, column 11 \(position 12\), got "\\""/],
  ['{"model": tru}', /a value at line 1, column 11 \(position 10\)/],
  ['{"model": "a', /the rest of a string at line 1, column 13 .*the end of the text/],
  ["{'model': 1}", /position 1/],
  ["nonsense", /a value at line 1, column 1 \(position 0\), got "n"/],
])("malformed JSON %j is 400 and says where", async (text, message) => {
  const { message: got, ...error } = await readError(await server.post(chat, text), 400);
  expect(error).toMatchObject({ code: "invalid_json", param: null });
  expect(got).toMatch(message);
});

test.each(["[]", '"text"', "5", "null", "true"])("a body that is no object is 400: %s", async (text) => {
  expect(await readError(await server.post(chat, text), 400)).toMatchObject({ code: "invalid_type" });
});

test("bytes that are no UTF-8, and halves of surrogate pairs, are 400", async () => {
  const bytes = new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
  const headers = { "content-type": "application/json" };
  const response = await fetch(server.url + chat, { method: "POST", headers, body: bytes });
  expect(await readError(response, 400)).toMatchObject({ code: "invalid_json" });
  const half = `{"model":"${modelId}","messages":[{"role":"user","content":"a\\ud83d"}]}`;
  expect(await readError(await server.post(chat, half), 400)).toMatchObject({
    code: "invalid_json",
    param: "messages[0].content",
  });
  const whole = `{"model":"${modelId}","max_tokens":1,"messages":[{"role":"user","content":"a\\ud83e\\udd8a"}]}`;
  expect((await server.post(chat, whole)).status).toBe(200);
});

test("JSON that is nested too deep is 400, however deep", async () => {
  for (const depth of [65, 4000]) {
    const text = `{"model":"${modelId}","messages":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    const { message, ...error } = await readError(await server.post(chat, text), 400);
    expect(error).toMatchObject({ code: "invalid_json" });
    expect(message).toContain("64 levels");
  }
});

test("a key __proto__ is rejected and pollutes nothing", async () => {
  const text = `{"model":"${modelId}","metadata":{"__proto__":{"polluted":true}}}`;
  expect(await readError(await server.post(chat, text), 400)).toMatchObject({
    code: "unknown_parameter",
    param: "metadata.__proto__",
  });
  expect("polluted" in {}).toBe(false);
  const kwargs = `{"model":"${modelId}","messages":[{"role":"user","content":"x"}],"chat_template_kwargs":{"constructor":{"prototype":{"polluted":1}}},"max_tokens":1}`;
  expect((await server.post(chat, kwargs)).status).toBe(200);
  expect("polluted" in {}).toBe(false);
});

test("a body above the limit is 413 with the limit", async () => {
  const response = await server.post(chat, { ...body, user: "x".repeat(20_000) });
  expect(await readError(response, 413)).toMatchObject({
    code: "request_too_large",
    message: expect.stringContaining("10000 bytes"),
  });
});

test("a client that still sends a body above the limit gets its 413, and the connection stays usable", async () => {
  const { socket, waitFor, received } = await openConnection(server.port);
  const size = 5_000_000;
  socket.write(
    `POST ${chat} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${size}\r\n\r\n`,
  );
  await waitFor("request_too_large");
  socket.write(Buffer.alloc(size, " "));
  socket.write("GET /version HTTP/1.1\r\nhost: localhost\r\n\r\n");
  await waitFor('{"version":');
  expect(received().match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 413", "HTTP/1.1 200"]);
  socket.destroy();
});

test("a body that is not declared as JSON is 415", async () => {
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
    const headers = { "content-type": type };
    const response = await fetch(server.url + chat, { method: "POST", headers, body: JSON.stringify(body) });
    expect(await readError(response, 415)).toMatchObject({
      code: "unsupported_media_type",
      message: expect.stringContaining("application/json"),
    });
  }
  const headers = { "content-type": "application/json", "content-encoding": "gzip" };
  const response = await fetch(server.url + chat, { method: "POST", headers, body: "x" });
  expect(await readError(response, 415)).toMatchObject({
    code: "unsupported_media_type",
    message: expect.stringContaining("content-encoding"),
  });
});

test("a request without a body is 400", async () => {
  const response = await fetch(server.url + chat, { method: "POST" });
  expect(await readError(response, 400)).toMatchObject({ code: "invalid_type" });
});

test("an unknown path is 404 whatever is sent to it", async () => {
  for (const init of [{}, { method: "POST", body: "x" }, { method: "DELETE" }]) {
    expect(await readError(await fetch(`${server.url}/v1/assistants`, init), 404)).toMatchObject({
      code: "unknown_url",
    });
  }
});

test("a wrong method is 405 with what is allowed", async () => {
  const get = await fetch(server.url + chat);
  expect(await readError(get, 405)).toMatchObject({ code: "method_not_allowed" });
  expect(get.headers.get("allow")).toBe("OPTIONS, POST");
  const post = await fetch(`${server.url}/v1/models`, { method: "POST", body: "x" });
  expect(await readError(post, 405)).toMatchObject({ code: "method_not_allowed" });
  expect(post.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
});

test("a path that is no percent-encoding is 400", async () => {
  expect(await readError(await fetch(`${server.url}/v1/models/%zz`), 400)).toMatchObject({
    code: "bad_request",
  });
});

test.each([
  ["NONSENSE\r\n\r\n", 400, "bad_request"],
  [`GET / HTTP/1.1\r\nhost: localhost\r\nx: ${"y".repeat(100_000)}\r\n\r\n`, 431, "header_too_large"],
  ["GET /v1/models HTTP/1.1\r\nconnection: close\r\n\r\n", 400, "bad_request"],
])("what is no HTTP is answered in the same shape", async (bytes, status, code) => {
  const { socket, closed } = await openConnection(server.port);
  socket.write(bytes);
  const text = await closed();
  expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(text).toMatch(/\r\nx-request-id: req_[0-9a-f]{32}\r\n/);
  expect(JSON.parse(text.slice(text.indexOf("\r\n\r\n") + 4))).toMatchObject({ error: { code } });
});

test("a full queue is 429 with the time to wait, before and instead of a stream", async () => {
  server.engine.refuseWith = new EngineRequestError({
    code: "QUEUE_FULL",
    message: "at most 4 requests may wait",
    data: { retryAfterMs: 1234, limit: 4 },
  });
  for (const stream of [false, true]) {
    const response = await server.post(chat, { ...body, stream });
    expect(await readError(response, 429)).toMatchObject({ type: "rate_limit_error", code: "queue_full" });
    expect(response.headers.get("retry-after")).toBe("2");
    expect(response.headers.get("retry-after-ms")).toBe("1234");
  }
  await expect(server.client.chat.completions.create(body)).rejects.toMatchObject({
    status: 429,
    code: "queue_full",
  });
});

test("while the model loads every request is 503 with the reason, and the list says so", async () => {
  server.engine.state = "starting";
  server.engine.model = undefined;
  const response = await server.post(chat, body);
  const { message, ...error } = await readError(response, 503);
  expect(error).toMatchObject({ type: "server_error", code: "engine_unavailable" });
  expect(message).toContain("starting");
  expect(response.headers.get("retry-after")).toBe("2");
  const entry = { id: modelId, state: "starting", reasons: ["the engine is starting"] };
  for (const [url, answer] of [
    [`/v1/models/${modelId}`, entry],
    ["/v1/models", { object: "list", data: [entry] }],
  ] as const) {
    const listed = await fetch(server.url + url);
    expect([listed.status, await listed.json()]).toMatchObject([200, answer]);
  }
});

test("while it drains new requests are 503", async () => {
  server.engine.state = "draining";
  const response = await server.post(chat, { ...body, stream: true });
  expect(await readError(response, 503)).toMatchObject({ code: "engine_unavailable" });
  expect(response.headers.get("retry-after")).toBe("2");
});

test.each([
  [new BackendError("ENGINE_CRASHED", "exit code 134 at /secret/path"), "engine_crashed"],
  [new EngineRequestError({ code: "DEVICE_LOST", message: "secret error 700" }), "device_lost"],
  [new EngineRequestError({ code: "EXECUTOR_FAILED", message: "secret details" }), "generation_failed"],
  [new TypeError("secret bug"), "internal_error"],
])("%s before the answer is 500 without its details", async (failure, code) => {
  server.engine.refuseWith = failure;
  const { message, ...error } = await readError(await server.post(chat, body), 500);
  expect(error).toMatchObject({ type: "server_error", code });
  expect(message).not.toContain("secret");
  const over = server.nextSample();
  server.engine.refuseWith = undefined;
  server.engine.failAfter = { deltaCount: 1, error: failure };
  expect(await readError(await server.post(chat, body), 500)).toMatchObject({ code });
  await over;
  expect(JSON.stringify(server.logLines.at(-1))).toContain("secret");
});

test("what the engine rejects is named as the client knows it", async () => {
  const refuse = async (param: string, code = "INVALID_REQUEST") => {
    server.engine.refuseWith = new EngineRequestError({ code, param, message: `\`${param}\` must be other` });
    return (await (await server.post(chat, body)).json()) as { error: unknown };
  };
  expect((await refuse("sampling.topP")).error).toMatchObject({
    param: "top_p",
    message: "`top_p` must be other",
  });
  expect((await refuse("stopping.stop[3]")).error).toMatchObject({ param: "stop[3]" });
  expect((await refuse("promptTokenIds[7]")).error).toMatchObject({ param: "messages" });
  expect((await refuse("", "CHAT_TEMPLATE_FAILED")).error).toMatchObject({
    param: "messages",
    code: "chat_template_failed",
  });
});

test("a prompt that is too long is rejected with the phrase that clients look for, whatever is known of it", async () => {
  const refuse = async (data: Record<string, number>) => {
    const message = "the maximum context length is 64 tokens; a prompt of 9000 characters has at least 700";
    server.engine.refuseWith = new EngineRequestError({ code: "CONTEXT_LENGTH_EXCEEDED", message, data });
    return readError(await server.post(chat, body), 400);
  };
  const expected = { code: "context_length_exceeded", param: "messages", type: "invalid_request_error" };
  expect(await refuse({ promptTokens: 700, contextTokens: 64 })).toEqual({
    ...expected,
    message:
      "This model's maximum context length is 64 tokens. However, you requested at least 701 tokens " +
      "(700 in the messages, 1 or more for the completion). Please reduce the length of the messages or of the completion.",
  });
  expect(await refuse({})).toEqual({
    ...expected,
    message: expect.stringMatching(
      /^This model's maximum context length is 64 tokens; a prompt of 9000 characters/,
    ),
  });
});

test("a failure in mid-stream is the last event, and the openai client throws it", async () => {
  server.engine.failAfter = { deltaCount: 2, error: new BackendError("ENGINE_CRASHED", "exit code 134") };
  const response = await server.post(chat, { ...body, stream: true });
  expect(response.status).toBe(200);
  const events = readSse(await response.text());
  expect(JSON.parse(events.at(-1) ?? "")).toEqual({
    error: { message: expect.any(String), type: "server_error", param: null, code: "engine_crashed" },
  });
  expect(events).toHaveLength(4);
  const read = async (): Promise<void> => {
    const stream = await server.client.chat.completions.create({ ...body, stream: true });
    for await (const chunk of stream) expect(chunk.choices).toHaveLength(1);
  };
  await expect(read()).rejects.toMatchObject({ code: "engine_crashed", type: "server_error" });
});

test("one failing prompt of several fails the request once and stops the others", async () => {
  server.engine.failAfter = { deltaCount: 2, error: new BackendError("ENGINE_CRASHED", "x") };
  const response = await server.post("/v1/completions", {
    model: modelId,
    prompt: ["a", "b", "c"],
    stream: true,
    ignore_eos: true,
  });
  const events = readSse(await response.text());
  expect(events.filter((event) => event.includes('"error"'))).toHaveLength(1);
  await Promise.all(server.engine.runs.map(async ({ stopped }) => stopped));
});

test("a request id is taken from the client where it is a plain word", async () => {
  const ask = async (id: string) =>
    (await fetch(`${server.url}/version`, { headers: { "x-request-id": id } })).headers.get("x-request-id");
  expect(await ask("trace-1:a.b")).toBe("trace-1:a.b");
  expect(await ask("has space")).toMatch(/^req_[0-9a-f]{32}$/);
  expect(await ask("x".repeat(129))).toMatch(/^req_/);
});

test("a body cut short by the client is no request", async () => {
  const { socket } = await openConnection(server.port);
  socket.write(
    `POST ${chat} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"mod`,
  );
  socket.end();
  await once(socket, "close");
  expect((await server.post(chat, body)).status).toBe(200);
  expect(server.engine.runs).toHaveLength(1);
});

test("a large body is parsed beside the event loop, a small one is not", async () => {
  await using large = await startServer();
  const ask = async (length: number): Promise<number> =>
    (await large.post("/v1/completions", { model: modelId, prompt: "a".repeat(length) })).status;
  expect(await ask(60_000)).toBe(400);
  expect(large.largeBodies).toEqual([]);
  expect(await ask(70_000)).toBe(400);
  expect(large.largeBodies).toEqual([expect.closeTo(70_000, -3)]);
});
