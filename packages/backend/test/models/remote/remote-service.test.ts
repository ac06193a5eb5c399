import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { firstEvent } from "../../../src/operations/operation.ts";
import { createRemoteService, type RemoteService } from "../../../src/models/remote/remote-service.ts";
import type { RemoteServiceOptions } from "../../../src/models/remote/remote-options.ts";
import { generate, type GenerateEvent, type GenerateInput } from "../../../src/operations/generate.ts";
import { tokenize } from "../../../src/operations/tokenize.ts";
import { modelList, sendJson, startScriptedServer, type SeenRequest } from "./scripted-server.ts";

const hello: GenerateInput = {
  id: "r-1",
  prompt: { kind: "text", text: "hello" },
  stopping: { maxTokens: 8 },
};

function serviceOf(options: RemoteServiceOptions): RemoteService {
  const service = createRemoteService(options);
  onTestFinished(() => service.dispose());
  return service;
}

async function collect(
  service: RemoteService,
  input: GenerateInput = hello,
  signal?: AbortSignal,
): Promise<GenerateEvent[]> {
  const events: GenerateEvent[] = [];
  for await (const event of service.call(generate, input, { modelId: "m", signal })) events.push(event);
  return events;
}

const headers = { "content-type": "text/event-stream" };
const usage = { prompt_tokens: 3, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 1 } };

/** A whole answer in vLLM's form, with characters of several bytes. */
function answerEvents(): readonly unknown[] {
  return [
    { choices: [{ index: 0, text: "🦊", finish_reason: null, token_ids: [7] }] },
    { choices: [{ index: 0, text: " né", finish_reason: "stop", stop_reason: 9, token_ids: [9] }] },
    { choices: [], usage },
  ];
}

/** An event with a piece of a call. */
function callEvent(call: object): object {
  return { choices: [{ index: 0, delta: { tool_calls: [call] } }] };
}

function sse(events: readonly unknown[], newline = "\n"): string {
  const texts = events.map((event) => (typeof event === "string" ? event : JSON.stringify(event)));
  return texts.map((data) => `data: ${data}${newline}${newline}`).join("");
}

function sendWhole(response: ServerResponse): void {
  response.writeHead(200, headers).end(sse([...answerEvents(), "[DONE]"]));
}

/** A platform whose answers come in pieces. */
function fetchOf(pieces: readonly Uint8Array[]): typeof fetch {
  return async (input) => {
    if (new Request(input).url.endsWith("/v1/models")) return new Response(modelList());
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece);
        controller.close();
      },
    });
    return new Response(body, { headers });
  };
}

test("reads an answer however its bytes are cut, with any end of lines and with pings", async () => {
  for (const newline of ["\n", "\r\n", "\r"]) {
    const text = `: ping${newline}${newline}event: x${newline}${sse([...answerEvents(), "[DONE]"], newline)}`;
    const bytes = new TextEncoder().encode(text);
    const results: GenerateEvent[][] = [];
    for (const size of [bytes.length, 1, 2, 3, 7, 64]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
        bytes.slice(at * size, (at + 1) * size),
      );
      // One result for each way to cut it; what takes time differs.
      const clock = { now: () => 5 };
      results.push(await collect(serviceOf({ url: "http://server", fetch: fetchOf(pieces), clock })));
    }
    expect(results[0]).toEqual([
      { type: "accepted", promptTokenCount: undefined },
      {
        type: "delta",
        delta: {
          index: 0,
          text: "🦊",
          tokenIds: [7],
          logprobs: undefined,
          finishReason: undefined,
          stopReason: undefined,
        },
      },
      {
        type: "delta",
        delta: {
          index: 0,
          text: " né",
          tokenIds: [9],
          logprobs: undefined,
          finishReason: "stop",
          stopReason: 9,
        },
      },
      {
        type: "finished",
        usage: { promptTokens: 3, completionTokens: 2, cachedPromptTokens: 1, reasoningTokens: 0 },
        timings: { queuedMs: undefined, timeToFirstTokenMs: 0, totalMs: 0 },
      },
    ]);
    for (const result of results) expect(result).toEqual(results[0]);
  }
});

test("asks with every parameter in the server's own words, and with all digits", async () => {
  const server = await startScriptedServer((_, response) => {
    if (response.req.method === "POST") sendWhole(response);
  });
  const service = serviceOf({ url: `${server.url}/v1/`, apiKey: "sk-1" });
  await collect(service, {
    id: "r-2",
    prompt: {
      kind: "chat",
      messages: [
        { role: "user", content: "hi" },
        {
          role: "assistant",
          content: null,
          tool_calls: [{ type: "function", function: { name: "f", arguments: { a: 1 } } }],
        },
      ],
      options: { continueFinalMessage: true, variablesJson: '{"z":1.0,"a":123456789012345678901}' },
    },
    sampling: {
      temperature: 0.5,
      topP: 0.9,
      topK: 0,
      minP: 0.1,
      presencePenalty: 1,
      frequencyPenalty: -1,
      repetitionPenalty: 1.5,
      logitBias: new Map([[7, -100]]),
      seed: 2n ** 64n - 1n,
    },
    stopping: {
      maxTokens: 8,
      minTokens: 2,
      stop: ["x"],
      stopTokenIds: [3],
      ignoreEos: true,
      includeStopInOutput: true,
    },
    logprobs: 3,
    skipSpecialTokens: false,
  });
  const { path, headers: sent, body } = server.requests.at(-1) as SeenRequest;
  expect(path).toBe("/v1/chat/completions");
  expect(sent).toMatchObject({
    authorization: "Bearer sk-1",
    "x-request-id": "r-2",
    "accept-encoding": "identity",
  });
  expect(body).toContain('"chat_template_kwargs":{"z":1.0,"a":123456789012345678901}');
  expect(body).toContain('"seed":-1,');
  expect(JSON.parse(body)).toMatchObject({
    model: "m",
    messages: [{ role: "user" }, { tool_calls: [{ function: { arguments: '{"a":1}' } }] }],
    add_generation_prompt: false,
    continue_final_message: true,
    temperature: 0.5,
    top_p: 0.9,
    top_k: 0,
    min_p: 0.1,
    presence_penalty: 1,
    frequency_penalty: -1,
    repetition_penalty: 1.5,
    logit_bias: { 7: -100 },
    max_tokens: 8,
    min_tokens: 2,
    stop: ["x"],
    stop_token_ids: [3],
    ignore_eos: true,
    include_stop_str_in_output: true,
    skip_special_tokens: false,
    logprobs: true,
    top_logprobs: 3,
    stream: true,
    stream_options: { include_usage: true },
    return_token_ids: true,
  });
});

test("refuses by name what the server would leave out, and asks it nothing", async () => {
  const server = await startScriptedServer(() => undefined);
  const refused = async (dialect: "openai" | "llama.cpp", input: Partial<GenerateInput>): Promise<unknown> =>
    collect(serviceOf({ url: server.url, dialect }), { ...hello, ...input }).catch(
      (error: { param: unknown }) => error.param,
    );
  expect(await refused("openai", { sampling: { topK: 5 } })).toBe("sampling.topK");
  expect(await refused("openai", { stopping: {} })).toBe("stopping.maxTokens");
  expect(await refused("openai", { stopping: { maxTokens: 1, ignoreEos: true } })).toBe("stopping.ignoreEos");
  expect(await refused("openai", { stopping: { maxTokens: 1 }, prediction: "a" })).toBe("prediction");
  expect(await refused("llama.cpp", { sampling: { seed: 2 ** 32 } })).toBe("sampling.seed");
  expect(await refused("llama.cpp", { stopping: { maxTokens: 2, minTokens: 1 } })).toBe("stopping.minTokens");
  expect(await refused("llama.cpp", { promptLogprobs: 0 })).toBe("promptLogprobs");
  expect(await refused("llama.cpp", { prompt: { kind: "text", text: "a", addSpecialTokens: false } })).toBe(
    "prompt.addSpecialTokens",
  );
  expect(server.requests.every(({ path }) => path === "/v1/models")).toBe(true);
});

test("leaves out what asks for nothing where the server has no word for it", async () => {
  const server = await startScriptedServer((_, response) => {
    if (response.req.method === "POST") sendWhole(response);
  });
  const service = serviceOf({ url: server.url, dialect: "openai" });
  const sampling = { topK: 0, minP: 0, repetitionPenalty: 1, logitBias: new Map() };
  const stopping = {
    maxTokens: 8,
    minTokens: 0,
    stopTokenIds: [],
    ignoreEos: false,
    includeStopInOutput: false,
  };
  await collect(service, { ...hello, sampling, stopping, skipSpecialTokens: true });
  expect(JSON.parse(server.requests.at(-1)?.body ?? "")).toEqual({
    model: "m",
    prompt: "hello",
    max_tokens: 8,
    stream: true,
    stream_options: { include_usage: true },
  });
});

test("tells the server's refusals apart, with its numbers and the field", async () => {
  const openAi = (fields: object): object => ({ error: { message: "said so", ...fields } });
  const told: readonly (readonly [number, unknown, Readonly<Record<string, string>>, object])[] = [
    [429, openAi({}), { "retry-after": "7" }, { code: "QUEUE_FULL", data: { retryAfterMs: 7000 } }],
    [
      429,
      openAi({}),
      { "retry-after": "7", "retry-after-ms": "1500" },
      { code: "QUEUE_FULL", data: { retryAfterMs: 1500 } },
    ],
    [
      400,
      openAi({ code: "invalid_value", param: "top_p" }),
      {},
      { code: "INVALID_REQUEST", param: "sampling.topP", message: "said so" },
    ],
    [
      400,
      openAi({ code: "unsupported_parameter", param: "stop_token_ids[2]" }),
      {},
      { code: "UNSUPPORTED_PARAMETER", param: "stopping.stopTokenIds[2]" },
    ],
    [422, { detail: "no" }, {}, { code: "INVALID_REQUEST", message: "no" }],
    [413, openAi({}), {}, { code: "INVALID_REQUEST" }],
    [
      400,
      {
        object: "error",
        message:
          "This model's maximum context length is 64 tokens. However, you requested 80 tokens (72 in the messages, 8 in the completion).",
      },
      {},
      { code: "CONTEXT_LENGTH_EXCEEDED", data: { contextTokens: 64, promptTokens: 72 } },
    ],
    [
      400,
      {
        error: {
          code: 400,
          message: "request (72 tokens) exceeds",
          type: "exceed_context_size_error",
          n_prompt_tokens: 72,
          n_ctx: 64,
        },
      },
      {},
      { code: "CONTEXT_LENGTH_EXCEEDED", data: { contextTokens: 64, promptTokens: 72 } },
    ],
    [404, openAi({ code: "model_not_found" }), {}, { name: "BackendError", code: "UNKNOWN_MODEL" }],
    [404, "<html>nothing here</html>", {}, { code: "UNKNOWN_OPERATION" }],
    [401, openAi({ code: "invalid_api_key" }), {}, { name: "BackendError", code: "ENGINE_UNAVAILABLE" }],
    [503, openAi({ code: "engine_unavailable" }), {}, { name: "BackendError", code: "ENGINE_UNAVAILABLE" }],
    [500, openAi({ code: "engine_crashed" }), {}, { name: "BackendError", code: "ENGINE_CRASHED" }],
    [502, "<html>bad gateway</html>", {}, { name: "BackendError", code: "ENGINE_UNAVAILABLE" }],
  ];
  let next: (typeof told)[number] | undefined;
  const server = await startScriptedServer((request, response) => {
    if (request.method !== "POST" || next === undefined) return;
    const [status, body, more] = next;
    response.writeHead(status, { "content-type": "application/json", ...more });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  const service = serviceOf({ url: server.url });
  const errors: unknown[] = [];
  for (next of told) errors.push(await collect(service).catch((error: unknown) => error));
  expect(errors).toMatchObject(told.map(([, , , error]) => error));
});

test("fails an answer that has begun with what the server says, or that it said nothing more", async () => {
  const first = answerEvents().slice(0, 1);
  const failed = (code: string, type = "server_error"): object => ({
    error: { message: "said so", type, code, param: null },
  });
  const ends: readonly (readonly [string, string])[] = [
    [sse([...first, failed("engine_crashed")]), "ENGINE_CRASHED"],
    [sse([...first, failed("engine_unavailable")]), "ENGINE_UNAVAILABLE"],
    [sse([...first, failed("", "rate_limit_error")]), "QUEUE_FULL"],
    [sse([...first, failed("something")]), "ENGINE_CRASHED"],
    [sse([...first, "[DONE]"]), "ENGINE_CRASHED"],
    [sse(first), "ENGINE_CRASHED"],
    [sse([...first, "no JSON"]), "ENGINE_PROTOCOL"],
    [sse([...first, { choices: [{ index: 3, text: "x" }] }]), "ENGINE_PROTOCOL"],
    [sse([...first, { choices: [{ index: 0, finish_reason: "content_filter" }] }]), "ENGINE_PROTOCOL"],
    [sse([...first, { choices: [{ index: 0, delta: { refusal: "no" } }] }]), "ENGINE_PROTOCOL"],
    [sse([...first, { choices: [{ index: 0, delta: { reasoning_content: 5 } }] }]), "ENGINE_PROTOCOL"],
    [sse([...first, { choices: [{ index: 0, delta: { tool_calls: {} } }] }]), "ENGINE_PROTOCOL"],
    [sse([...first, callEvent({ index: 0, function: { arguments: "{}" } })]), "ENGINE_PROTOCOL"],
    [sse([...first, callEvent({ index: 0 })]), "ENGINE_PROTOCOL"],
  ];
  let end = "";
  const server = await startScriptedServer((request, response) => {
    if (request.method === "POST") response.writeHead(200, headers).end(end);
  });
  const service = serviceOf({ url: server.url });
  const errors: unknown[] = [];
  for ([end] of ends) errors.push(await collect(service).catch((error: unknown) => error));
  expect(errors).toMatchObject(ends.map(([, code]) => ({ code })));
});

test("takes reasoning, and calls without an index, an id or arguments", async () => {
  const events = [
    { choices: [{ index: 0, delta: { role: "assistant", content: null, reasoning: "hm" } }] },
    { choices: [{ index: 0, delta: { content: "Ok.", reasoning_content: "", tool_calls: [] } }] },
    callEvent({ function: { name: "f", arguments: "" } }),
    callEvent({ index: 1, id: "call_1", type: "function", function: { name: "g", arguments: '{"a"' } }),
    callEvent({ index: 1, id: "", function: { name: null, arguments: ":1}" } }),
    { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] },
    { choices: [], usage: { ...usage, completion_tokens_details: { reasoning_tokens: 1 } } },
  ];
  const server = await startScriptedServer((request, response) => {
    if (request.method === "POST") response.writeHead(200, headers).end(sse([...events, "[DONE]"]));
  });
  const prompt = { kind: "chat", messages: [] } as const;
  const read = await collect(serviceOf({ url: server.url }), { ...hello, prompt });
  const deltas = read.flatMap((event) => (event.type === "delta" ? [event.delta] : []));
  expect(deltas.flatMap<unknown>(({ text, parts = [] }) => (text === "" ? parts : [text]))).toEqual([
    { type: "reasoning", text: "hm" },
    "Ok.",
    { type: "call", callIndex: 0, id: expect.stringMatching(/^call_./), name: "f" },
    { type: "call", callIndex: 1, id: "call_1", name: "g" },
    { type: "arguments", callIndex: 1, text: '{"a"' },
    { type: "arguments", callIndex: 1, text: ":1}" },
    { type: "arguments", callIndex: 0, text: "{}" },
  ]);
  expect(deltas.at(-1)?.finishReason).toBe("stop");
  expect(read.at(-1)).toMatchObject({ usage: { reasoningTokens: 1 } });
});

test("takes an answer that says all but [DONE]", async () => {
  const server = await startScriptedServer((request, response) => {
    if (request.method === "POST") response.writeHead(200, headers).end(sse(answerEvents()));
  });
  expect((await collect(serviceOf({ url: server.url }))).at(-1)?.type).toBe("finished");
});

test("adds up the usage of several answers where each has its own", async () => {
  const of = (index: number): object => ({ choices: [{ index, text: "x", finish_reason: "length" }], usage });
  const server = await startScriptedServer((request, response) => {
    if (request.method === "POST") response.writeHead(200, headers).end(sse([of(1), of(0), "[DONE]"]));
    else response.writeHead(200, { "content-type": "application/json" }).end(modelList("llamacpp"));
  });
  const events = await collect(serviceOf({ url: server.url }), { ...hello, n: 2 });
  expect(events.at(-1)).toMatchObject({ usage: { promptTokens: 3, completionTokens: 4 } });
});

test("follows no redirect, and gives its key to no one else", async () => {
  const other = await startScriptedServer((_, response) => sendJson(response, 200, {}));
  const server = await startScriptedServer((_, response) => {
    response.writeHead(307, { location: `${other.url}/v1/models` }).end();
  });
  const service = serviceOf({ url: server.url, apiKey: "sk-secret" });
  await expect(service.refresh()).rejects.toMatchObject({
    code: "ENGINE_UNAVAILABLE",
    message: expect.stringContaining("redirects are not followed"),
  });
  expect(other.requests).toEqual([]);
});

test("has its key in no message, state or cause", async () => {
  const server = await startScriptedServer((_, response) =>
    sendJson(response, 401, { error: { message: "no" } }),
  );
  const service = serviceOf({ url: server.url, apiKey: "sk-secret" });
  const errors: unknown[] = [await collect(service).catch((error: unknown) => error)];
  await server.close();
  errors.push(await collect(service).catch((error: unknown) => error));
  const { inspect } = await import("node:util");
  for (const each of [...errors, service.reasons(), service.models(), service]) {
    expect(inspect(each, { depth: 10, showHidden: true })).not.toContain("sk-secret");
  }
  expect(errors).toMatchObject([{ code: "ENGINE_UNAVAILABLE" }, { code: "ENGINE_UNAVAILABLE" }]);
});

test("ends the request as soon as its signal is aborted, or its reader leaves", async () => {
  const closed: Promise<unknown>[] = [];
  const server = await startScriptedServer((request, response) => {
    if (request.method !== "POST") return;
    closed.push(once(response, "close"));
    response.writeHead(200, headers).write(sse(answerEvents().slice(0, 1)));
  });
  const service = serviceOf({ url: server.url });
  const controller = new AbortController();
  const reason = new Error("gone");
  const aborted = (async () => {
    for await (const event of service.call(generate, hello, { modelId: "m", signal: controller.signal })) {
      if (event.type === "delta") setImmediate(() => controller.abort(reason));
    }
  })();
  await expect(aborted).rejects.toBe(reason);
  await closed[0];
  for await (const event of service.call(generate, hello, { modelId: "m" })) {
    if (event.type === "delta") break;
  }
  await closed[1];
  expect(closed).toHaveLength(2);
});

test("waits for a server only so long: to begin, and to go on, whatever it pings", async () => {
  let isBegun = false;
  const server = await startScriptedServer((request, response) => {
    if (request.method !== "POST" || !isBegun) return;
    response.writeHead(200, headers).write(sse(answerEvents().slice(0, 1)));
    const timer = setInterval(() => response.write(": ping\n\n"), 5);
    response.on("close", () => clearInterval(timer));
  });
  // Each limit alone, so that no other one is reached before it.
  const service = async (limits: object) => {
    const limited = serviceOf({ url: server.url, ...limits });
    await limited.refresh();
    return limited;
  };
  const unavailable = (message: string): object => ({
    code: "ENGINE_UNAVAILABLE",
    message: expect.stringContaining(message),
  });
  await expect(collect(await service({ firstByteTimeoutMs: 50 }))).rejects.toMatchObject(
    unavailable("did not begin to answer within 50 ms"),
  );
  isBegun = true;
  await expect(collect(await service({ idleTimeoutMs: 60 }))).rejects.toMatchObject(
    unavailable("sent no part of its answer within 60 ms"),
  );
  isBegun = false;
  const asking = await service({ requestTimeoutMs: 1500 });
  const call = firstEvent(asking.call(tokenize, hello.prompt, { modelId: "m" }));
  await expect(call).rejects.toMatchObject(unavailable("did not answer /tokenize within 1500 ms"));
});

test("uses a connection again for the next answer", async () => {
  const ports = new Set<number | undefined>();
  const server = await startScriptedServer((request, response) => {
    if (request.method !== "POST") return;
    ports.add(response.socket?.remotePort);
    response.writeHead(200, headers).end(sse([...answerEvents(), "[DONE]"]));
  });
  const service = serviceOf({ url: server.url });
  await service.refresh();
  for (let count = 0; count < 5; count += 1) await collect(service);
  expect(ports.size).toBeLessThanOrEqual(2);
});

test("asks for the list of models again and again, and serves those that it is told to", async () => {
  const data = [{ id: "m", owned_by: "vllm", max_model_len: 64 }, { id: "other" }];
  let onAsked = (): void => undefined;
  const server = await startScriptedServer((_, response) => {
    sendJson(response, 200, { data });
    onAsked();
  });
  const service = serviceOf({ url: server.url, models: ["m", "late"], refreshIntervalMs: 100 });
  expect(service.models()).toMatchObject([
    { id: "m", state: "starting", model: undefined },
    { id: "late", state: "starting" },
  ]);
  await service.refresh();
  expect(service.models()).toMatchObject([
    { id: "m", state: "ready", reasons: [], model: { contextTokens: 64 }, stats: undefined },
    { id: "late", state: "unavailable", reasons: [expect.stringContaining('has no model "late"')] },
  ]);
  const other = firstEvent(service.call(tokenize, hello.prompt, { modelId: "other" }));
  await expect(other).rejects.toMatchObject({ code: "UNKNOWN_MODEL" });
  data.push({ id: "late" });
  // The second one has come when the third is asked for.
  for (let count = 0; count < 2; count += 1) await new Promise<void>((resolve) => (onAsked = resolve));
  expect(service.models()).toMatchObject([{ id: "m" }, { id: "late", state: "ready" }]);
});

test("tells the state of each model as its server does, and finds it by its aliases", async () => {
  const data = [
    { id: "m", state: "ready", aliases: ["one", "m", 5], reasons: ["old"] },
    { id: "loading", state: "starting", aliases: [], reasons: ["the engine is loading the model"] },
    { id: "back", state: "restarting", aliases: [], reasons: ["again"] },
    { id: "gone", state: "failed", aliases: [], reasons: ["it crashed too often"] },
  ];
  const server = await startScriptedServer((request, response) => {
    sendJson(
      response,
      200,
      request.path === "/tokenize" ? { tokens: [JSON.parse(request.body).model.length] } : { data },
    );
  });
  const service = serviceOf({ url: server.url, dialect: "vllm" });
  await service.refresh();
  expect(service.models()).toMatchObject([
    { id: "m", state: "ready", aliases: ["one"], reasons: [] },
    { id: "loading", state: "starting", reasons: ["the engine is loading the model"] },
    { id: "back", state: "restarting", reasons: ["again"] },
    { id: "gone", state: "unavailable", reasons: ["it crashed too often"] },
  ]);
  expect(service.state).toBe("ready");
  const call = firstEvent(service.call(tokenize, hello.prompt, { modelId: "one" }));
  expect(await call).toEqual({ type: "tokens", tokenIds: ["m".length] });
});

test("waits for the first list, and asks anew when a server that was gone is back", async () => {
  const answer = (request: SeenRequest, response: ServerResponse): void => {
    if (request.path === "/tokenize") sendJson(response, 200, { tokens: [1, 2] });
  };
  const first = await startScriptedServer(answer);
  const service = serviceOf({ url: first.url });
  const ask = (): Promise<object> => firstEvent(service.call(tokenize, hello.prompt, { modelId: "m" }));
  expect(await ask()).toEqual({ type: "tokens", tokenIds: [1, 2] });
  await first.close();
  await expect(ask()).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE" });
  expect(service.state).toBe("unavailable");
  expect(service.models()).toMatchObject([{ id: "m", state: "unavailable", model: { id: "m" } }]);
  await startScriptedServer(answer, { port: Number(new URL(first.url).port) });
  expect(await ask()).toEqual({ type: "tokens", tokenIds: [1, 2] });
  expect(service.state).toBe("ready");
});

test("refuses options that are wrong or that it does not know", () => {
  const wrong: readonly (readonly [object, string])[] = [
    [{ url: "ftp://server" }, "`url`: expected an http or https URL"],
    [{ url: "http://user:secret@server" }, "`url`: expected a URL without a user"],
    [{ url: "http://server", timeout: 5 }, "`timeout`: expected one of the options url"],
    [
      { url: "http://server", idleTimeoutMs: 0 },
      "`idleTimeoutMs`: expected an integer from 1 to 86400000, got 0",
    ],
    [{ url: "http://server", apiKey: "a\nb" }, "`apiKey`: expected printable ASCII"],
    [{ url: "http://server", models: [] }, "`models`: expected at least one id"],
    [
      { url: "http://server", dialect: "tgi" },
      '`dialect`: expected one of openai, infernode, vllm, llama.cpp, got "tgi"',
    ],
  ];
  for (const [options, message] of wrong) {
    const create = (): RemoteService => createRemoteService(options as RemoteServiceOptions);
    expect(create).toThrow(
      expect.objectContaining({ code: "INVALID_CONFIG", message: expect.stringContaining(message) }),
    );
    expect(create).not.toThrow(/secret/);
  }
});
