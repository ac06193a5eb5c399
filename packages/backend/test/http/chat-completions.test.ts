import type OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAnswerBudget } from "../../src/api/shared/answer-budget.ts";
import { createHeldResponses } from "../../src/api/shared/held/create-held-responses.ts";
import { heldLimits } from "../support/held-limits.ts";
import { chatCodec } from "../../src/api/openai/chat.ts";
import { model, modelId } from "./fake-engine.ts";
import { readChunks, readSse } from "./read-sse.ts";
import { startServer, type TestServer } from "./start-server.ts";

const path = "/v1/chat/completions";
const messages = [{ role: "user" as const, content: "Tell me of a fox." }];
let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => server.close());

test("answers with the chat completion object, to the letter", async () => {
  const response = await server.post(path, { model: modelId, messages, max_tokens: 3 });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
  expect(await response.json()).toEqual({
    id: expect.stringMatching(/^chatcmpl-[0-9a-f]{32}$/),
    object: "chat.completion",
    created: expect.any(Number),
    model: modelId,
    system_fingerprint: expect.stringMatching(/^fp_[0-9a-f]{10}$/),
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: expect.stringMatching(/./), refusal: null },
        logprobs: null,
        finish_reason: "length",
      },
    ],
    usage: {
      prompt_tokens: 6,
      completion_tokens: 3,
      total_tokens: 9,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0 },
    },
  });
});

test("streams a role, the text, a finish with an empty delta, and [DONE]", async () => {
  const response = await server.post(path, { model: modelId, messages, max_tokens: 3, stream: true });
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const text = await response.text();
  expect(text).toMatch(/^(?:data: [^\n]+\n\n)+$/);
  const chunks = readChunks(text);
  expect(chunks[0]?.choices).toEqual([
    { index: 0, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null },
  ]);
  expect(chunks.at(-1)?.choices).toEqual([{ index: 0, delta: {}, logprobs: null, finish_reason: "length" }]);
  for (const chunk of chunks.slice(1, -1)) {
    expect(chunk.choices).toEqual([
      { index: 0, delta: { content: expect.any(String) }, logprobs: null, finish_reason: null },
    ]);
  }
  const heads = chunks.map(({ choices: _choices, ...head }) => head);
  expect(new Set(heads.map((head) => JSON.stringify(head))).size).toBe(1);
  expect(heads[0]).toEqual({
    id: expect.stringMatching(/^chatcmpl-/),
    object: "chat.completion.chunk",
    created: expect.any(Number),
    model: modelId,
    system_fingerprint: expect.stringMatching(/^fp_/),
  });
});

test("sends usage in a last chunk without choices when asked, and none otherwise", async () => {
  const body = { model: modelId, messages, max_tokens: 3, stream: true };
  const without = readChunks(await (await server.post(path, body)).text());
  expect(without.some((chunk) => "usage" in chunk)).toBe(false);
  const response = await server.post(path, { ...body, stream_options: { include_usage: true } });
  const chunks = readChunks(await response.text());
  expect(chunks.at(-1)).toMatchObject({
    choices: [],
    usage: { prompt_tokens: 6, completion_tokens: 3, total_tokens: 9 },
  });
  for (const chunk of chunks.slice(0, -1)) expect(chunk.usage).toBeNull();
  const [, , finish] = chunks.toReversed().map((chunk) => chunk.choices.length);
  expect(finish).toBe(1);
});

test("sends the usage so far with every chunk when asked", async () => {
  const stream_options = { include_usage: true, continuous_usage_stats: true };
  const response = await server.post(path, {
    model: modelId,
    messages,
    max_tokens: 3,
    stream: true,
    stream_options,
  });
  const counts = readChunks(await response.text()).map((chunk) => chunk.usage?.["completion_tokens"]);
  expect(counts).toEqual([1, 1, 2, 3, 3, 3]);
});

test("gives the openai client's stream and helper what they want", async () => {
  const body = { model: modelId, messages, max_tokens: 8 };
  const whole = await server.client.chat.completions.create(body);
  const expected = whole.choices[0]?.message.content;
  let streamed = "";
  const stream = await server.client.chat.completions.create({ ...body, stream: true });
  for await (const chunk of stream) streamed += chunk.choices[0]?.delta.content ?? "";
  expect(streamed).toBe(expected);
  const helper = server.client.chat.completions.stream({ ...body, stream_options: { include_usage: true } });
  expect(await helper.finalContent()).toBe(expected);
  expect((await helper.finalChatCompletion()).choices[0]?.finish_reason).toBe(
    whole.choices[0]?.finish_reason,
  );
  expect((await helper.totalUsage()).completion_tokens).toBe(whole.usage?.completion_tokens);
});

test("answers n times, each with its index, streaming and not", async () => {
  const body = { model: modelId, messages, n: 3, seed: 7 };
  const whole = await server.client.chat.completions.create(body);
  expect(whole.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
  const texts = ["", "", ""];
  const roles = [0, 0, 0];
  const reasons: (string | null)[] = [null, null, null];
  for await (const chunk of await server.client.chat.completions.create({ ...body, stream: true })) {
    for (const { index, delta, finish_reason } of chunk.choices) {
      texts[index] += delta.content ?? "";
      if (delta.role === "assistant") roles[index] = (roles[index] ?? 0) + 1;
      expect(reasons[index], "nothing comes after the finish").toBeNull();
      reasons[index] = finish_reason;
    }
  }
  expect(texts).toEqual(whole.choices.map(({ message }) => message.content));
  expect(roles).toEqual([1, 1, 1]);
  expect(reasons).toEqual(whole.choices.map(({ finish_reason }) => finish_reason));
});

test("the same seed gives the same text, another seed another", async () => {
  const ask = async (seed: number) =>
    (await server.client.chat.completions.create({ model: modelId, messages, seed })).choices[0]?.message
      .content;
  expect(await ask(1)).toBe(await ask(1));
  expect(await ask(1)).not.toBe(await ask(2));
});

test("reports log-probabilities with bytes and alternatives, and never -Infinity", async () => {
  const body = { model: modelId, messages, max_tokens: 2, logprobs: true, top_logprobs: 20 };
  const whole = await server.client.chat.completions.create(body);
  const content = whole.choices[0]?.logprobs?.content ?? [];
  expect(content).toHaveLength(2);
  const [first] = content;
  expect(Object.keys(first ?? {}).sort()).toEqual(["bytes", "logprob", "token", "top_logprobs"]);
  expect(first?.bytes).toEqual([...Buffer.from(first?.token ?? "")]);
  expect(first?.top_logprobs).toHaveLength(20);
  expect(first?.top_logprobs.at(-1)?.logprob).toBe(-9999);
  expect(whole.choices[0]?.logprobs?.refusal).toBeNull();
  const response = await server.post(path, { ...body, stream: true });
  const streamed = readChunks(await response.text()).flatMap(
    (chunk) => (chunk.choices[0]?.logprobs as { content: unknown[] } | null)?.content ?? [],
  );
  expect(streamed).toEqual(content);
});

test("passes every sampling parameter to the engine", async () => {
  const ran = server.engine.nextRun();
  await server.post(path, {
    model: modelId,
    messages,
    temperature: 0.5,
    top_p: 0.9,
    top_k: -1,
    min_p: 0.1,
    seed: -3,
    presence_penalty: 1,
    frequency_penalty: -1,
    repetition_penalty: 1.1,
    logit_bias: { "5": -100, "17": 2.5 },
    stop: ["END", "."],
    stop_token_ids: [3],
    include_stop_str_in_output: true,
    ignore_eos: true,
    max_completion_tokens: 9,
    max_tokens: 9,
    min_tokens: 2,
    skip_special_tokens: false,
    add_generation_prompt: false,
    chat_template_kwargs: { mood: "calm" },
    n: 2,
    best_of: 2,
    logprobs: true,
    top_logprobs: 4,
    user: "u",
    metadata: { any: "thing" },
    store: false,
    service_tier: "auto",
    tool_choice: "none",
    tools: [],
    response_format: { type: "text" },
    modalities: ["text"],
    prediction: {
      type: "content",
      content: [
        { type: "text", text: "A " },
        { type: "text", text: "fox." },
      ],
    },
  });
  const { request } = await ran;
  expect(request).toEqual({
    canRestart: true,
    parts: {},
    id: expect.stringMatching(/^chatcmpl-/),
    prompt: {
      kind: "chat",
      messages: [{ role: "user", content: "Tell me of a fox." }],
      options: {
        addGenerationPrompt: false,
        continueFinalMessage: false,
        readsToolArguments: true,
        variablesJson: '{"mood":"calm"}',
      },
    },
    sampling: {
      temperature: 0.5,
      topP: 0.9,
      topK: 0,
      minP: 0.1,
      seed: -3,
      presencePenalty: 1,
      frequencyPenalty: -1,
      repetitionPenalty: 1.1,
      logitBias: new Map([
        [5, -100],
        [17, 2.5],
      ]),
    },
    stopping: {
      maxTokens: 9,
      minTokens: 2,
      stop: ["END", "."],
      stopTokenIds: [3],
      ignoreEos: true,
      includeStopInOutput: true,
    },
    n: 2,
    skipSpecialTokens: false,
    prediction: "A fox.",
    logprobs: 4,
  });
});

test("null counts as absent, and the checkpoint's defaults fill what is absent", async () => {
  server.engine.model = {
    ...model,
    generationDefaults: { temperature: 0.6, topP: 0.95, topK: 40, maxNewTokens: 12 },
  };
  const ran = server.engine.nextRun();
  const response = await server.post(path, {
    model: modelId,
    messages,
    temperature: null,
    top_p: 0.5,
    tools: null,
    stop: null,
    stream_options: null,
    max_tokens: null,
  });
  server.engine.model = model;
  expect(response.status).toBe(200);
  const { request } = await ran;
  expect(request.sampling).toEqual({ temperature: 0.6, topP: 0.5, topK: 40 });
  expect(request.stopping).toEqual({ maxTokens: 12 });
});

test("a default length that does not fit gives way; an asked one is rejected with the numbers", async () => {
  server.engine.model = { ...model, generationDefaults: { maxNewTokens: 10_000 } };
  const [fits, tooLong] = await Promise.all([
    server.post(path, { model: modelId, messages }),
    server.post(path, { model: modelId, messages, max_tokens: 10_000 }),
  ]);
  server.engine.model = model;
  expect(fits.status).toBe(200);
  expect(tooLong.status).toBe(400);
  const { error } = (await tooLong.json()) as { error: { message: string; code: string; param: string } };
  expect(error).toMatchObject({ code: "context_length_exceeded", param: "messages" });
  expect(error.message).toContain(
    "This model's maximum context length is 256 tokens. However, you requested 10006 tokens",
  );
});

test("gives the template roles, parts and tool history as templates want them", async () => {
  const ran = server.engine.nextRun();
  const response = await server.post(path, {
    model: modelId,
    messages: [
      { role: "developer", content: "Be brief." },
      {
        role: "user",
        name: "Ann",
        content: [
          { type: "text", text: "One" },
          { type: "text", text: "Two" },
        ],
      },
      { role: "assistant", content: null, refusal: null, annotations: [], tool_calls: [] },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "call_1", type: "function", function: { name: "f", arguments: '{"a":1}' } }],
      },
      { role: "tool", tool_call_id: "call_1", content: "42" },
    ],
  });
  expect(response.status).toBe(200);
  const { request } = await ran;
  expect(request.prompt.kind === "chat" && request.prompt.messages).toEqual([
    { role: "system", content: "Be brief." },
    { role: "user", content: "One\nTwo", name: "Ann" },
    { role: "assistant", content: "" },
    {
      role: "assistant",
      content: null,
      tool_calls: [{ id: "call_1", type: "function", function: { name: "f", arguments: '{"a":1}' } }],
    },
    { role: "tool", content: "42", tool_call_id: "call_1" },
  ]);
});

test("an answer can be sent back as it came", async () => {
  const first = await server.client.chat.completions.create({ model: modelId, messages });
  const answer = first.choices[0]?.message;
  const second = await server.post(path, { model: modelId, messages: [...messages, answer, ...messages] });
  expect(second.status).toBe(200);
});

test("a part of the assistant may repeat its message, as the agents package sends it; other parts may not", async () => {
  const copied = { role: "assistant", refusal: null, reasoning: "Hm.", reasoning_content: "Hm." };
  const part = { type: "text", text: "Hello", ...copied, annotations: [], tool_calls: [] };
  const ask = (role: string): Promise<Response> =>
    server.post(path, { model: modelId, messages: [...messages, { role, content: [part] }, ...messages] });
  expect((await ask("assistant")).status).toBe(200);
  const refused = await ask("user");
  expect(refused.status).toBe(400);
  const { error } = (await refused.json()) as { error: Record<string, unknown> };
  expect(error).toMatchObject({ code: "unknown_parameter", param: "messages[1].content[0].role" });
});

test("a model without a chat template says which route to use", async () => {
  server.engine.model = { ...model, hasChatTemplate: false };
  const response = await server.post(path, { model: modelId, messages });
  server.engine.model = model;
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    error: { code: "chat_template_missing", param: "messages" },
  });
});

test("does not wait for an accept header, and takes any bearer token", async () => {
  const response = await fetch(server.url + path, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json",
      authorization: "Bearer whatever",
      "x-stainless-lang": "js",
    },
    body: JSON.stringify({ model: modelId, messages, stream: true, max_tokens: 1 }),
  });
  expect(readSse(await response.text()).at(-1)).toBe("[DONE]");
});

test("an answer of many megabytes is whole, and no piece of it is large", async () => {
  const body = {
    model: modelId,
    messages,
    n: 16,
    max_tokens: 200,
    ignore_eos: true,
    logprobs: true,
    top_logprobs: 20,
  };
  const response = await server.post(path, body);
  expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
  const text = await response.text();
  expect(text.length).toBeGreaterThan(1_000_000);
  const { choices } = JSON.parse(text) as OpenAI.ChatCompletion;
  expect(choices.map(({ index }) => index)).toEqual(Array.from({ length: 16 }, (_, index) => index));
  for (const { logprobs, message } of choices) {
    expect(logprobs?.content).toHaveLength(200);
    expect(logprobs?.content?.map(({ token }) => token).join("")).toBe(message.content);
  }

  const context = {
    service: server.engine,
    clock: { now: () => 0, epochMs: () => 0 },
    ids: () => "id",
    maxChoices: 128,
    answers: createAnswerBudget(),
    held: createHeldResponses(heldLimits),
    version: "1",
  };
  const generation = await chatCodec
    .prepare({ body, path: {}, query: {} }, context)
    .start(new AbortController().signal);
  const pieces = [...(await generation.collect())];
  expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(10_000);
  expect((JSON.parse(pieces.join("")) as OpenAI.ChatCompletion).choices).toHaveLength(16);
});

test("leaves the final message open where it is told to, in a chat and in tokenize", async () => {
  const messages = [
    { role: "user", content: "hi" },
    { role: "assistant", content: "Sure, " },
  ];
  const options = { addGenerationPrompt: false, continueFinalMessage: true, readsToolArguments: true };
  for (const more of [{}, { add_generation_prompt: false }]) {
    const ran = server.engine.nextRun();
    const body = { model: modelId, messages, max_tokens: 1, continue_final_message: true, ...more };
    expect((await server.post(path, body)).status).toBe(200);
    expect((await ran).request.prompt).toEqual({ kind: "chat", messages, options });
  }
  const wrong = [
    [{ add_generation_prompt: true }, "continue_final_message"],
    [{ messages: [{ role: "assistant", content: null }] }, "messages[0].content"],
    [{ chat_template_kwargs: { bos_token: "x" } }, "chat_template_kwargs.bos_token"],
  ] as const;
  for (const [more, param] of wrong) {
    for (const url of [path, "/tokenize"]) {
      const response = await server.post(url, {
        model: modelId,
        messages,
        continue_final_message: true,
        ...more,
      });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { param } });
    }
  }
});
