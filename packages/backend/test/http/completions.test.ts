import { afterAll, beforeAll, expect, test } from "vitest";
import { modelId } from "./fake-engine.ts";
import { readChunks } from "./read-sse.ts";
import { startServer, type TestServer } from "./start-server.ts";

const path = "/v1/completions";
let server: TestServer;

beforeAll(async () => {
  server = await startServer({ maxChoices: 8 });
});
afterAll(async () => server.close());

test("answers with the completion object, to the letter", async () => {
  const response = await server.post(path, { model: modelId, prompt: "Once upon a time", max_tokens: 2 });
  expect(await response.json()).toEqual({
    id: expect.stringMatching(/^cmpl-[0-9a-f]{32}$/),
    object: "text_completion",
    created: expect.any(Number),
    model: modelId,
    system_fingerprint: expect.stringMatching(/^fp_/),
    choices: [{ index: 0, text: expect.stringMatching(/./), logprobs: null, finish_reason: "length" }],
    usage: {
      prompt_tokens: 4,
      completion_tokens: 2,
      total_tokens: 6,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0 },
    },
  });
});

test("writes 16 tokens unless told otherwise", async () => {
  const ran = server.engine.nextRun();
  await server.post(path, { model: modelId, prompt: "a" });
  expect((await ran).request.stopping?.maxTokens).toBe(16);
});

test("the streamed texts add up to the whole ones, for several prompts and answers", async () => {
  const body = { model: modelId, prompt: ["one", "two", "three"], n: 2, seed: 3, max_tokens: 12 };
  const whole = await server.client.completions.create(body);
  expect(whole.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(whole.usage?.prompt_tokens).toBe(4);
  const texts = Array.from({ length: 6 }, () => "");
  const reasons = Array.from({ length: 6 }, (): string | null => null);
  for await (const chunk of await server.client.completions.create({ ...body, stream: true })) {
    expect(chunk.object).toBe("text_completion");
    for (const { index, text, finish_reason } of chunk.choices) {
      texts[index] += text;
      expect(reasons[index]).toBeNull();
      reasons[index] = finish_reason;
    }
  }
  expect(texts).toEqual(whole.choices.map(({ text }) => text));
  expect(reasons).toEqual(whole.choices.map(({ finish_reason }) => finish_reason));
});

test("the first answer of each prompt is the one it gets alone", async () => {
  const ask = async (prompt: string | string[]) =>
    (await server.client.completions.create({ model: modelId, prompt, max_tokens: 6 })).choices.map(
      ({ text }) => text,
    );
  expect(await ask(["one", "two"])).toEqual([...(await ask("one")), ...(await ask("two"))]);
});

test("takes token ids, and several arrays of them", async () => {
  const one = server.engine.nextRun();
  expect((await server.post(path, { model: modelId, prompt: [5, 6, 7] })).status).toBe(200);
  expect((await one).request.prompt).toEqual({ kind: "tokens", tokenIds: [5, 6, 7] });
  const count = server.engine.runs.length;
  expect((await server.post(path, { model: modelId, prompt: [[5], [6, 7]] })).status).toBe(200);
  expect(server.engine.runs.slice(count).map(({ request }) => request.prompt)).toEqual([
    { kind: "tokens", tokenIds: [5] },
    { kind: "tokens", tokenIds: [6, 7] },
  ]);
});

test("echoes the prompt before the text, once for each answer", async () => {
  const body = { model: modelId, prompt: ["Once ", "Twice "], echo: true, n: 2, max_tokens: 2 };
  const whole = await server.client.completions.create(body);
  const plain = await server.client.completions.create({ ...body, echo: false });
  const prefixes = ["Once ", "Once ", "Twice ", "Twice "];
  expect(whole.choices.map(({ text }) => text)).toEqual(
    plain.choices.map(({ text }, at) => prefixes[at] + text),
  );
  const texts = ["", "", "", ""];
  for await (const chunk of await server.client.completions.create({ ...body, stream: true })) {
    for (const { index, text } of chunk.choices) texts[index] += text;
  }
  expect(texts).toEqual(whole.choices.map(({ text }) => text));
});

test("echoes token ids as their text", async () => {
  const body = { model: modelId, prompt: [[5, 6], [7]], max_tokens: 1 };
  const plain = await server.client.completions.create(body);
  const count = server.engine.runs.length;
  const whole = await server.client.completions.create({ ...body, echo: true });
  expect(whole.choices.map(({ text }) => text)).toEqual([
    `<5><6>${plain.choices[0]?.text}`,
    `<7>${plain.choices[1]?.text}`,
  ]);
  expect(server.engine.runs[count]?.request).not.toHaveProperty("promptLogprobs");
});

test("an echo with log-probabilities has those of the prompt, the first of them null", async () => {
  const body = { model: modelId, prompt: [5, 6, 7], echo: true, logprobs: 2, max_tokens: 2, n: 2 };
  const ran = server.engine.nextRun();
  const whole = await server.client.completions.create(body);
  expect((await ran).request).toMatchObject({ logprobs: 2, promptLogprobs: 2 });
  for (const { text, logprobs } of whole.choices) {
    expect(logprobs?.tokens?.slice(0, 3)).toEqual(["<5>", "<6>", "<7>"]);
    expect(logprobs?.token_logprobs).toEqual([null, -2, -3, expect.any(Number), expect.any(Number)]);
    expect(logprobs?.top_logprobs?.slice(0, 2)).toEqual([null, { "<6>": -2, "<6>1": -3 }]);
    const characters = Array.from(text);
    for (const [at, token] of (logprobs?.tokens ?? []).entries()) {
      const offset = logprobs?.text_offset?.[at] ?? -1;
      expect(characters.slice(offset, offset + Array.from(token).length).join("")).toBe(token);
    }
  }
  const chunks = readChunks(await (await server.post(path, { ...body, stream: true })).text());
  for (const index of [0, 1]) {
    const choices = chunks.map(({ choices: [choice] }) => choice).filter((choice) => choice?.index === index);
    expect(choices.map((choice) => choice?.text).join("")).toBe(whole.choices[index]?.text);
    const parts = choices.map((choice) => choice?.logprobs as (typeof whole.choices)[number]["logprobs"]);
    expect(parts.flatMap((part) => part?.token_logprobs ?? [])).toEqual(
      whole.choices[index]?.logprobs?.token_logprobs,
    );
    expect(parts.flatMap((part) => part?.text_offset ?? [])).toEqual(
      whole.choices[index]?.logprobs?.text_offset,
    );
  }
});

test("an echo may be all: no token is written", async () => {
  const body = { model: modelId, prompt: "Once upon a time", echo: true, max_tokens: 0 };
  const whole = await server.client.completions.create(body);
  expect(whole.choices).toEqual([
    { index: 0, text: "Once upon a time", logprobs: null, finish_reason: "length" },
  ]);
  expect(whole.usage).toMatchObject({ prompt_tokens: 4, completion_tokens: 0 });
  const scored = await server.client.completions.create({ ...body, logprobs: 1 });
  expect(scored.choices[0]?.logprobs?.token_logprobs).toHaveLength(4);
  const full = Array.from({ length: 256 }, () => 1);
  expect((await server.post(path, { ...body, prompt: full })).status).toBe(200);
  expect((await server.post(path, { ...body, prompt: full, max_tokens: 1 })).status).toBe(400);
});

test("reports log-probabilities as four parallel arrays whose offsets point into the text", async () => {
  const body = { model: modelId, prompt: "a story", max_tokens: 6, logprobs: 2, seed: 5 };
  const whole = await server.client.completions.create(body);
  const [choice] = whole.choices;
  const logprobs = choice?.logprobs;
  expect(logprobs?.tokens).toHaveLength(6);
  expect(logprobs?.token_logprobs).toHaveLength(6);
  expect(logprobs?.top_logprobs).toHaveLength(6);
  const characters = Array.from(choice?.text ?? "");
  for (const [at, token] of (logprobs?.tokens ?? []).entries()) {
    const offset = logprobs?.text_offset?.[at] ?? -1;
    expect(characters.slice(offset, offset + Array.from(token).length).join("")).toBe(token);
    expect(Object.keys(logprobs?.top_logprobs?.[at] ?? {})).toContain(token);
  }
  const response = await server.post(path, { ...body, stream: true });
  const parts = readChunks(await response.text()).map(
    (chunk) => chunk.choices[0]?.logprobs as NonNullable<typeof logprobs>,
  );
  expect(parts.flatMap((part) => part.tokens ?? [])).toEqual(logprobs?.tokens);
  expect(parts.flatMap((part) => part.text_offset ?? [])).toEqual(logprobs?.text_offset);
});

test("sends usage over all prompts in a last chunk without choices", async () => {
  const body = {
    model: modelId,
    prompt: ["a", "b"],
    max_tokens: 2,
    stream: true,
    stream_options: { include_usage: true },
  };
  const chunks = readChunks(await (await server.post(path, body)).text());
  expect(chunks.at(-1)).toMatchObject({
    choices: [],
    usage: { prompt_tokens: 2, completion_tokens: 4, total_tokens: 6 },
  });
});

test("a default length that does not fit gives way for the prompt that needs it only", async () => {
  const count = server.engine.runs.length;
  const long = "x".repeat(250 * 4);
  const response = await server.post(path, { model: modelId, prompt: ["short", long] });
  expect(response.status).toBe(200);
  const lengths = server.engine.runs.slice(count).map(({ request }) => request.stopping?.maxTokens);
  expect(lengths).toEqual([16, 16, undefined]);
});

test.each([
  [{}, "prompt", "missing_required_parameter"],
  [{ prompt: 5 }, "prompt", "invalid_value"],
  [{ prompt: [] }, "prompt", "invalid_value"],
  [{ prompt: [[]] }, "prompt[0]", "invalid_value"],
  [{ prompt: ["a", 5] }, "prompt[1]", "invalid_value"],
  [{ prompt: [5, "a"] }, "prompt[1]", "invalid_value"],
  [{ prompt: [1, -1] }, "prompt[1]", "invalid_value"],
  [{ prompt: [1, 1024] }, "prompt[1]", "invalid_value"],
  [{ prompt: [[1], [1.5]] }, "prompt[1][0]", "invalid_value"],
  [{ prompt: [null] }, "prompt[0]", "invalid_value"],
  [{ prompt: Array.from({ length: 300 }, () => 1) }, "prompt", "context_length_exceeded"],
  [{ prompt: Array.from({ length: 9 }, () => "a") }, "prompt", "invalid_value"],
  [{ prompt: ["a", "b"], n: 5 }, "n", "invalid_value"],
  [{ prompt: "a", n: 9 }, "n", "invalid_value"],
  [{ prompt: "a", best_of: 2 }, "best_of", "unsupported_parameter"],
  [{ prompt: "a", suffix: "b" }, "suffix", "unsupported_parameter"],
  [{ prompt: "a", max_tokens: 0 }, "max_tokens", "invalid_value"],
  [{ prompt: "a", max_tokens: 0, echo: false, logprobs: 1 }, "max_tokens", "invalid_value"],
  [{ prompt: "a", max_tokens: -1, echo: true }, "max_tokens", "invalid_value"],
  [{ prompt: "a", logprobs: 21 }, "logprobs", "invalid_value"],
  [{ prompt: "a", messages: [] }, "messages", "unknown_parameter"],
])("rejects %j naming %s", async (fields, param, code) => {
  const response = await server.post(path, { model: modelId, ...fields });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { type: "invalid_request_error", param, code } });
});
