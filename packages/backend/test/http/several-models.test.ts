import { afterEach, beforeEach, expect, test } from "vitest";
import { createModelPool } from "../../src/models/model-pool.ts";
import { createFakeEngine, model, type FakeEngine } from "./fake-engine.ts";
import { startServer, type TestServer } from "./start-server.ts";

let small: FakeEngine;
let large: FakeEngine;
let server: TestServer;

beforeEach(async () => {
  small = createFakeEngine({ ...model, id: "acme/small", vocabSize: 512 });
  large = createFakeEngine({ ...model, id: "acme/large", contextTokens: 512 });
  const service = createModelPool([
    { id: small.id, aliases: ["default", "tiny/one"], service: small },
    { id: large.id, aliases: [], service: large },
  ]);
  server = await startServer({}, { service });
});
afterEach(async () => server.close());

function startAgain(engine: FakeEngine): void {
  engine.state = "starting";
  engine.model = undefined;
}

const complete = async (fields: object) =>
  server.post("/v1/completions", { prompt: "a", max_tokens: 1, ...fields });
const getJson = async (path: string): Promise<unknown> => (await fetch(server.url + path)).json();

test("lists all models with their states, also while one loads", async () => {
  startAgain(large);
  const ready = {
    id: "acme/small",
    object: "model",
    created: 1_700_000_000,
    owned_by: "infernode",
    max_model_len: 256,
    quantization: "none",
    state: "ready",
    aliases: ["default", "tiny/one"],
  };
  const loading = {
    id: "acme/large",
    object: "model",
    created: 0,
    owned_by: "infernode",
    state: "starting",
    aliases: [],
    reasons: ["the engine is starting"],
  };
  expect(await getJson("/v1/models")).toEqual({ object: "list", data: [ready, loading] });
  for (const name of ["acme/small", "acme%2Fsmall", "default", "tiny/one", "tiny%2Fone"]) {
    expect(await getJson(`/v1/models/${name}`)).toEqual(ready);
  }
  expect(await getJson("/v1/models/acme/large")).toEqual(loading);
  expect((await server.client.models.retrieve("default")).id).toBe("acme/small");
  expect((await fetch(`${server.url}/v1/models/acme`)).status).toBe(404);
  expect(await getJson("/health")).toMatchObject({
    models: [
      { id: "acme/small", state: "ready", executor: "fake" },
      { id: "acme/large", state: "starting", reasons: ["the engine is starting"] },
    ],
  });
  expect(await getJson("/")).toMatchObject({ models: ["acme/small", "acme/large"] });
});

test("the model of a body is asked, by its id or an alias, and the answer names its id", async () => {
  for (const [name, engine] of [
    ["acme/small", small],
    ["default", small],
    ["acme/large", large],
  ] as const) {
    const count = engine.runs.length;
    const over = server.nextSample();
    expect(await (await complete({ model: name })).json()).toMatchObject({ model: engine.id });
    await over;
    expect(engine.runs).toHaveLength(count + 1);
    expect(server.logLines.at(-1)).toMatchObject({ model: engine.id });
    const stream = await server.client.chat.completions.create({
      model: name,
      messages: [{ role: "user", content: "hi" }],
      max_tokens: 1,
      stream: true,
    });
    for await (const chunk of stream) expect(chunk.model).toBe(engine.id);
  }
  // Each has limits of its own.
  const prompt = Array.from({ length: 300 }, () => 1);
  expect((await complete({ model: "acme/small", prompt })).status).toBe(400);
  expect((await complete({ model: "acme/large", prompt })).status).toBe(200);
});

test("an unknown model is 404 with the names of those that there are", async () => {
  startAgain(large);
  const response = await complete({ model: "acme/other" });
  expect([response.status, await response.json()]).toEqual([
    404,
    {
      error: {
        message: 'The model "acme/other" does not exist; this server has "acme/small", "acme/large"',
        type: "invalid_request_error",
        param: "model",
        code: "model_not_found",
      },
    },
  ]);
});

test("a model that loads or failed is 503 with its reasons, while the other one answers", async () => {
  for (const state of ["starting", "failed"] as const) {
    large.state = state;
    large.model = undefined;
    const response = await complete({ model: "acme/large" });
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
    expect(await response.json()).toMatchObject({
      error: {
        code: "engine_unavailable",
        message: `The model "acme/large" cannot answer now: the engine is ${state}`,
      },
    });
    expect((await complete({ model: "default" })).status).toBe(200);
  }
});

test("tokenize needs a model where there are several", async () => {
  for (const [path, body] of [
    ["/tokenize", { prompt: "a" }],
    ["/detokenize", { tokens: [1] }],
  ] as const) {
    const response = await server.post(path, body);
    expect([response.status, await response.json()]).toMatchObject([
      400,
      {
        error: {
          code: "missing_required_parameter",
          param: "model",
          message: expect.stringContaining('"acme/small", "acme/large"'),
        },
      },
    ]);
    expect((await server.post(path, { ...body, model: "default" })).status).toBe(200);
  }
});

test("the document takes the token ids of every model", async () => {
  const maximum = async () => {
    const document = (await getJson("/openapi.json")) as {
      components: {
        schemas: Record<string, { properties: Record<string, { items: { maximum?: number } }> }>;
      };
    };
    return document.components.schemas["DetokenizeRequest"]?.properties["tokens"]?.items.maximum;
  };
  expect(await maximum()).toBe(1023);
  startAgain(large);
  expect(await maximum()).toBe(Number.MAX_SAFE_INTEGER);
});
