import { afterEach, beforeEach, expect, test } from "vitest";
import { wireFormats } from "../../src/api/wire-formats.ts";
import { BackendError } from "../../src/errors.ts";
import { createHttpServer } from "../../src/http/create-http-server.ts";
import { modelId } from "./fake-engine.ts";
import { sessionConfig, startServer, type TestServer } from "./start-server.ts";

let server: TestServer;

beforeEach(async () => {
  server = await startServer();
});
afterEach(async () => server.close());

const get = async (path: string, init: RequestInit = {}) => fetch(server.url + path, init);

test("lists the model and describes it, slashes encoded or not", async () => {
  const entry = {
    id: modelId,
    object: "model",
    created: 1_700_000_000,
    owned_by: "infernode",
    max_model_len: 256,
    quantization: "none",
    state: "ready",
    aliases: [],
  };
  expect(await (await get("/v1/models")).json()).toEqual({ object: "list", data: [entry] });
  expect(await (await get("/v1/models/acme/tiny-stories")).json()).toEqual(entry);
  expect(await (await get("/v1/models/acme%2Ftiny-stories")).json()).toEqual(entry);
  expect((await server.client.models.retrieve(modelId)).id).toBe(modelId);
  for await (const listed of server.client.models.list()) expect(listed.id).toBe(modelId);
  await expect(server.client.models.retrieve("a/b")).rejects.toMatchObject({
    status: 404,
    code: "model_not_found",
  });
});

test("HEAD answers as GET without a body; OPTIONS says what is allowed", async () => {
  const head = await get("/v1/models", { method: "HEAD" });
  expect(head.status).toBe(200);
  expect(await head.text()).toBe("");
  const options = await get("/v1/chat/completions", { method: "OPTIONS" });
  expect(options.status).toBe(204);
  expect(options.headers.get("allow")).toBe("OPTIONS, POST");
});

test("is ready only when health says so and the engine is", async () => {
  expect((await get("/health/ready")).status).toBe(200);
  server.health = { status: "degraded", reasons: ["memory is at 91 %"], checks: {} };
  expect((await get("/health/ready")).status).toBe(200);
  server.health = { status: "unhealthy", reasons: ["no step for 31 s"], checks: {} };
  const stalled = await get("/health/ready");
  expect(stalled.status).toBe(503);
  expect(await stalled.json()).toMatchObject({ status: "unhealthy", reasons: ["no step for 31 s"] });
  expect((await get("/health")).status).toBe(503);
  expect((await get("/health/live")).status).toBe(200);
  server.health = { status: "healthy", reasons: [], checks: {} };
  server.engine.state = "draining";
  const draining = await get("/health/ready");
  expect(draining.status).toBe(503);
  expect(await draining.json()).toMatchObject({ reasons: ["the engine is draining"] });
  server.liveness = { status: "unhealthy", reasons: ["stuck"], checks: {} };
  expect((await get("/health/live")).status).toBe(503);
});

test("reports health with the model and the engine", async () => {
  expect(await (await get("/health")).json()).toMatchObject({
    status: "healthy",
    version: "1.2.3",
    engine: { state: "ready", stats: null },
    model: { id: modelId, executor: "fake" },
  });
});

test("writes metrics with their content type, and observes every exchange once", async () => {
  const response = await get("/metrics");
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(await response.text()).toContain("up 1");
  const over = server.nextSample();
  await get("/v1/models/some/other");
  expect(await over).toMatchObject({ handler: "/v1/models/*", method: "GET", status: 404 });
  expect(server.samples).toHaveLength(2);
  const unmatched = server.nextSample();
  await get("/v1/nothing");
  expect(await unmatched).toMatchObject({ handler: "unmatched", status: 404 });
});

test("observes the size of a body whose length was not announced", async () => {
  const body = JSON.stringify({ model: "nobody's", prompt: "a" });
  const over = server.nextSample();
  await fetch(`${server.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: new Blob([body]).stream(),
    duplex: "half",
  } as RequestInit);
  expect(await over).toMatchObject({ status: 404, requestBytes: body.length });
});

test("says what it is, where things are, and its version", async () => {
  expect(await (await get("/")).json()).toMatchObject({
    name: "infernode",
    version: "1.2.3",
    model: modelId,
  });
  expect(await (await get("/version")).json()).toEqual({ version: "1.2.3" });
});

test("serves the API page and all it loads from itself", async () => {
  const page = await get("/docs");
  expect(page.headers.get("content-type")).toContain("text/html");
  expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
  const html = await page.text();
  const assets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? "");
  expect(assets.length).toBeGreaterThan(3);
  for (const asset of assets) {
    expect(asset).toMatch(/^\/docs\//);
    const response = await get(asset);
    expect(response.status).toBe(200);
    expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(0);
  }
  expect(await (await get("/docs/static/swagger-initializer.js")).text()).toContain('"validatorUrl":null');
});

test("describes itself in OpenAPI 3.1 with every parameter that it takes", async () => {
  const document = (await (await get("/openapi.json")).json()) as {
    openapi: string;
    paths: Record<string, Record<string, unknown>>;
    components: {
      schemas: Record<string, { properties: Record<string, { description?: string }>; required: string[] }>;
    };
  };
  expect(document.openapi).toBe("3.1.0");
  expect(await (await get("/docs/json")).json()).toEqual(document);
  const { ChatCompletionRequest: chat, CompletionRequest: completion } = document.components.schemas;
  expect(chat?.required.toSorted()).toEqual(["messages", "model"]);
  expect(completion?.properties).toHaveProperty("prompt.anyOf");
  for (const [name, property] of Object.entries({ ...chat?.properties, ...completion?.properties })) {
    expect(`${name}: ${property.description}`).toMatch(/: .*\.$/);
  }
  expect(chat?.properties).toMatchObject({
    messages: { minItems: 1, maxItems: 2048 },
    stop: { anyOf: [{ maxLength: 1024 }, { maxItems: 16 }, { type: "null" }] },
    stop_token_ids: { maxItems: 256 },
  });
  const refs = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g);
  for (const [, name] of refs) expect(document.components.schemas).toHaveProperty(name ?? "");
  for (const [path, methods] of Object.entries(document.paths)) {
    const allowed = (await get(path.replaceAll(/\{\w+\}/g, "x"), { method: "OPTIONS" })).headers.get("allow");
    for (const method of Object.keys(methods)) expect(allowed).toContain(method.toUpperCase());
  }
});

test("every example of the API page runs as it is shown", async () => {
  type Operation = { requestBody?: { content: Record<string, { example: unknown }> } };
  const { paths } = (await (await get("/docs/json")).json()) as {
    paths: Record<string, { post?: Operation }>;
  };
  const examples = Object.entries(paths).flatMap(([path, { post }]) => {
    const example = post?.requestBody?.content["application/json"]?.example;
    // Adapters are read from directories, in test/e2e/adapters.test.ts.
    return example === undefined || path.endsWith("_lora_adapter") ? [] : [{ path, example }];
  });
  expect(examples.map(({ path }) => path)).toEqual([
    "/v1/chat/completions",
    "/v1/completions",
    "/tokenize",
    "/detokenize",
    "/v1/responses",
    "/v1/responses/input_tokens",
    "/v1/conversations",
    "/v1/conversations/{conversation_id}",
    "/v1/conversations/{conversation_id}/items",
    "/v1/messages",
    "/v1/messages/count_tokens",
  ]);
  const { id } = await server.client.conversations.create();
  for (const { path, example } of examples) {
    expect((await server.post(path.replace("{conversation_id}", id), example)).status).toBe(200);
  }
});

test("tokenizes a prompt and messages", async () => {
  const prompt = await server.post("/tokenize", { prompt: "Once upon" });
  const answer = { count: 3, max_model_len: 256, tokens: expect.any(Array), token_strs: null };
  expect(await prompt.json()).toEqual(answer);
  const spelled = await server.post("/tokenize", { prompt: "Once upon", return_token_strs: true });
  const { tokens, token_strs } = (await spelled.json()) as { tokens: number[]; token_strs: string[] };
  expect(token_strs).toEqual(tokens.map((tokenId) => `<${tokenId}>`));
  const messages = await server.post("/tokenize", { messages: [{ role: "user", content: "hi" }] });
  expect(await messages.json()).toMatchObject({ count: 2 });
  for (const wrong of [{}, { prompt: "a", messages: [{ role: "user", content: "hi" }] }, { prompt: 5 }]) {
    expect((await server.post("/tokenize", wrong)).status).toBe(400);
  }
});

test("makes text of tokens", async () => {
  const ask = async (body: object) => server.post("/detokenize", body);
  expect(await (await ask({ tokens: [5, 6] })).json()).toEqual({ prompt: "<5><6>" });
  expect(await (await ask({ model: modelId, tokens: [] })).json()).toEqual({ prompt: "" });
  for (const [body, status, param] of [
    [{}, 400, "tokens"],
    [{ tokens: "5" }, 400, "tokens"],
    [{ tokens: [1, 1024] }, 400, "tokens[1]"],
    [{ tokens: [1, -1] }, 400, "tokens[1]"],
    [{ tokens: [1.5] }, 400, "tokens[0]"],
    [{ tokens: Array.from({ length: 32_769 }, () => 1) }, 400, "tokens"],
    [{ model: "other", tokens: [1] }, 404, "model"],
    [{ tokens: [1], skip: true }, 400, "skip"],
  ] as const) {
    const response = await ask(body);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { param } });
  }
  server.engine.model = undefined;
  expect((await ask({ tokens: [1] })).status).toBe(503);
});

test("sends no CORS headers unless origins are configured", async () => {
  const response = await get("/v1/models", { headers: { origin: "https://app.example" } });
  expect(response.headers.get("access-control-allow-origin")).toBeNull();
});

test("lets configured origins in, with any header, on answers, errors and streams", async () => {
  await using open = await startServer({ corsOrigins: ["https://app.example"] });
  const origin = "https://app.example";
  const preflight = await fetch(`${open.url}/v1/chat/completions`, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type,x-stainless-lang",
    },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get("access-control-allow-origin")).toBe(origin);
  expect(preflight.headers.get("access-control-allow-headers")).toContain("x-stainless-lang");
  const ask = async (path: string, body: unknown, from = origin) =>
    fetch(open.url + path, {
      method: "POST",
      headers: { origin: from, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const body = { model: modelId, messages: [{ role: "user", content: "hi" }], max_tokens: 1 };
  for (const response of [
    await ask("/v1/chat/completions", body),
    await ask("/v1/chat/completions", { ...body, stream: true }),
    await ask("/v1/chat/completions", {}),
    await ask("/v1/nothing", {}),
  ]) {
    expect(response.headers.get("access-control-allow-origin")).toBe(origin);
    expect(response.headers.get("access-control-expose-headers")).toContain("x-request-id");
    await response.text();
  }
  const other = await ask("/v1/chat/completions", body, "https://evil.example");
  expect(other.headers.get("access-control-allow-origin")).not.toBe("https://evil.example");
});

test("logs one line for each request, without what was asked or said", async () => {
  const over = server.nextSample();
  const secret = "my secret question";
  const response = await server.post("/v1/chat/completions", {
    model: modelId,
    messages: [{ role: "user", content: secret }],
    max_tokens: 2,
  });
  const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
  await over;
  expect(server.logLines).toHaveLength(1);
  expect(server.logLines[0]).toMatchObject({
    msg: "request",
    requestId: response.headers.get("x-request-id"),
    route: "/v1/chat/completions",
    status: 200,
    model: modelId,
    stream: false,
    promptTokens: expect.any(Number),
    completionTokens: 2,
    timeToFirstTokenMs: expect.any(Number),
    durationMs: expect.any(Number),
    finishReasons: ["length"],
  });
  const refused = server.nextSample();
  await server.post("/v1/chat/completions", {
    model: modelId,
    messages: [{ role: "user", content: [secret] }],
  });
  await refused;
  expect(server.logLines[1]).toMatchObject({
    status: 400,
    error: "invalid_type",
    param: "messages[0].content[0]",
  });
  // A key that the client made up may be any text.
  const keys: [string, string][] = [
    ["my secret as a key", "[not a name]"],
    ["enable_thinking", "enable_thinking"],
  ];
  for (const [key, param] of keys) {
    const told = server.nextSample();
    await server.post("/v1/completions", { model: modelId, prompt: "a", [key]: 1 });
    await told;
    expect(server.logLines.at(-1)).toMatchObject({ error: "unknown_parameter", param });
  }
  const log = JSON.stringify(server.logLines);
  expect(log).not.toContain("secret");
  expect(log).not.toContain(choices[0]?.message.content);
});

test("a port that is taken is an error with a code", async () => {
  const { engine, port } = server;
  const other = await createHttpServer({
    service: engine,
    formats: wireFormats,
    health: { report: async () => server.health },
    liveness: { report: async () => server.liveness },
    metrics: { contentType: "text/plain", render: async () => "" },
    logger: (await import("pino")).pino({ level: "silent" }),
    config: {
      bodyLimitBytes: 1000,
      allowedHosts: [],
      corsOrigins: [],
      requestTimeoutMs: 0,
      keepAliveTimeoutMs: 1000,
      pingIntervalMs: 1000,
      writeTimeoutMs: 1000,
      session: sessionConfig,
    },
    version: "0.0.0",
  });
  await expect(other.listen({ host: "127.0.0.1", port })).rejects.toMatchObject({ code: "PORT_IN_USE" });
  await expect(other.listen({ host: "127.0.0.1", port })).rejects.toThrow(BackendError);
  await other.close();
});
