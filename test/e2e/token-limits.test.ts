import { afterAll, beforeAll, expect, test } from "vitest";
import { postJson } from "./support/post-json.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";

const model = "infernode-stories";
const prompt = "Once upon a time";
let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());

async function complete(parameters: object): Promise<string> {
  const body = { model, prompt, max_tokens: 40, temperature: 0, ...parameters };
  const answer = await postJson(`${daemon.url}/v1/completions`, body);
  expect(answer.status).toBe(200);
  return (answer.body as { choices: [{ text: string }] }).choices[0].text;
}

async function tokenize(text: string): Promise<number[]> {
  const answer = await postJson(`${daemon.url}/tokenize`, { model, prompt: text, add_special_tokens: false });
  return (answer.body as { tokens: number[] }).tokens;
}

test("an answer does not have its bad words, at its beginning or after a space, alone or of several tokens", async () => {
  const usual = await complete({});
  const words = usual.match(/[a-z]{3,}/g) ?? [];
  expect(words.length).toBeGreaterThan(10);
  for (const word of new Set(words.slice(0, 6))) {
    const text = await complete({ bad_words: [word] });
    expect(text.split(/[^a-z]+/)).not.toContain(word);
  }
  const pair = /[a-z]+ [a-z]+/.exec(usual)?.[0] ?? "";
  expect(usual).toContain(pair);
  expect(await complete({ bad_words: [pair] })).not.toContain(pair);
});

test("an answer has tokens of the list only", async () => {
  const allowed = await tokenize(" the cat sat. The dog ran.");
  const text = await complete({ allowed_token_ids: allowed, temperature: 1, seed: 3 });
  const generated = await tokenize(text);
  expect(text.length).toBeGreaterThan(10);
  expect(generated.filter((id) => !allowed.includes(id))).toEqual([]);
});

test.each([
  ["allowed_token_ids", []],
  ["allowed_token_ids", [1e6], "allowed_token_ids[0]"],
  ["bad_words", "the"],
  ["bad_words", ["the", " "], "bad_words[1]"],
  ["bad_words", Array.from({ length: 257 }, (_, at) => `w${at}`)],
])("refuses %s: %j by name", async (name, value, param = name) => {
  const answer = await postJson(`${daemon.url}/v1/completions`, { model, prompt, [name]: value });
  expect(answer.status).toBe(400);
  expect(answer.body).toMatchObject({ error: { param } });
});

test.each(["completions", "chat/completions"])(
  "%s: a prompt is cut to its end, and the header says so",
  async (path) => {
    const text = `${"far too long ".repeat(400)}Once upon a time`;
    const input = path === "completions" ? { prompt: text } : { messages: [{ role: "user", content: text }] };
    const ask = (parameters: object): Promise<Response> =>
      fetch(`${daemon.url}/v1/${path}`, {
        method: "POST",
        body: JSON.stringify({ model, max_tokens: 8, temperature: 0, ...input, ...parameters }),
        headers: { "content-type": "application/json" },
      });
    expect((await ask({})).status).toBe(400);
    for (const [stream, count] of [
      [false, 5],
      [true, 5],
      [false, -1],
    ] as const) {
      const answer = await ask({ truncate_prompt_tokens: count, stream, seed: 1 });
      expect(answer.status).toBe(200);
      expect(Number(answer.headers.get("x-infernode-truncated-prompt-tokens"))).toBeGreaterThan(100);
      const body = await answer.text();
      if (!stream && count > 0) expect(JSON.parse(body)).toMatchObject({ usage: { prompt_tokens: count } });
    }
    const short = await ask({ truncate_prompt_tokens: 100_000, prompt: "Once", messages: undefined });
    if (path === "completions") expect(short.headers.has("x-infernode-truncated-prompt-tokens")).toBe(false);
  },
);

test("what is left of a prompt that is cut is what it would be alone", async () => {
  const tokens = await tokenize("The little cat sat on the mat and slept");
  const text = await complete({ prompt: tokens, truncate_prompt_tokens: 4 });
  expect(text).toBe(await complete({ prompt: tokens.slice(-4) }));
  const refused = await postJson(`${daemon.url}/v1/completions`, {
    model,
    prompt,
    echo: true,
    truncate_prompt_tokens: 4,
  });
  expect(refused.body).toMatchObject({ error: { param: "truncate_prompt_tokens" } });
});
