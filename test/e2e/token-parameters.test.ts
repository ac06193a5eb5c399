import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postJson } from "./support/post-json.ts";
import { createClient } from "./support/stream-chat.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";

// Parameters of requests that are about tokens.

const model = "infernode-stories";
let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());

describe("ids of tokens", () => {
  const messages = [{ role: "user", content: "Tell me about a fox." }];

  interface Choice {
    readonly index: number;
    readonly text?: string;
    readonly message?: { readonly content: string };
    readonly token_ids?: readonly number[];
    readonly prompt_token_ids?: readonly number[];
  }

  interface Answer {
    readonly choices: readonly Choice[];
    readonly prompt_token_ids?: readonly number[];
    readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number };
  }

  async function post<Body>(path: string, body: object): Promise<Body> {
    const answer = await postJson(daemon.url + path, { model, ...body });
    expect(answer.status).toBe(200);
    return answer.body as Body;
  }

  async function stream(path: string, body: object): Promise<readonly Answer[]> {
    const answer = await fetch(daemon.url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, stream: true, ...body }),
    });
    const lines = (await answer.text()).split("\n").filter((line) => line.startsWith("data: {"));
    return lines.map((line) => JSON.parse(line.slice(6)) as Answer);
  }

  const decode = async (tokens: readonly number[] = []): Promise<string> =>
    (await post<{ prompt: string }>("/detokenize", { tokens })).prompt;

  test("chats: the prompt's tokens once, and those of each answer", async () => {
    const body = { messages, n: 2, seed: 3, max_tokens: 12, stop: ["fox"], return_token_ids: true };
    const whole = await post<Answer>("/v1/chat/completions", body);
    const rendered = await post<{ tokens: number[] }>("/tokenize", { messages });
    expect(whole.prompt_token_ids).toEqual(rendered.tokens);
    expect(whole.usage?.completion_tokens).toBe(
      whole.choices.reduce((sum, { token_ids: ids = [] }) => sum + ids.length, 0),
    );
    for (const { message, token_ids: ids } of whole.choices) {
      expect(await decode(ids)).toContain(message?.content.trim());
    }
    const chunks = await stream("/v1/chat/completions", body);
    expect(chunks.filter((chunk) => chunk.prompt_token_ids !== undefined)).toHaveLength(1);
    expect(chunks[0]?.prompt_token_ids).toEqual(rendered.tokens);
    const streamed = [0, 1].map((index) =>
      chunks
        .flatMap(({ choices }) => choices)
        .flatMap((choice) => (choice.index === index ? (choice.token_ids ?? []) : [])),
    );
    expect(streamed).toEqual(whole.choices.map(({ token_ids: ids }) => ids));
  });

  test("completions: both in each choice, for several prompts, and echoed tokens are not among the answer's", async () => {
    const prompt = ["Once upon a time", "The little dog"];
    const body = { prompt, n: 2, temperature: 0, max_tokens: 5, echo: true, return_token_ids: true };
    const { choices } = await post<Answer>("/v1/completions", body);
    expect(choices).toHaveLength(4);
    for (const { index, text, token_ids: ids, prompt_token_ids: promptIds } of choices) {
      expect(ids).toHaveLength(5);
      const own = prompt[Math.floor(index / 2)] ?? "";
      expect((await decode(promptIds)).endsWith(own)).toBe(true);
      expect(text?.startsWith(own)).toBe(true);
    }
    const chunks = await stream("/v1/completions", body);
    const first = [0, 1, 2, 3].map((index) =>
      chunks.flatMap(({ choices: each }) => each).filter((choice) => choice.index === index),
    );
    for (const [index, own] of first.entries()) {
      expect(own[0]?.prompt_token_ids).toEqual(choices[index]?.prompt_token_ids);
      expect(own.slice(1).every((choice) => choice.prompt_token_ids === undefined)).toBe(true);
      expect(own.flatMap(({ token_ids: ids = [] }) => ids)).toEqual(choices[index]?.token_ids);
    }
  });

  test("answers have none of it unless it is asked for", async () => {
    const answer = await post<Answer>("/v1/chat/completions", { messages, max_tokens: 2 });
    expect(answer).not.toHaveProperty("prompt_token_ids");
    expect(answer.choices[0]).not.toHaveProperty("token_ids");
  });
});

describe("log probabilities of a prompt", () => {
  type Entry = Readonly<
    Record<string, { readonly logprob: number; readonly rank: number; readonly decoded_token: string }>
  >;
  type Entries = readonly (Entry | null)[];

  async function postText(path: string, body: object): Promise<string> {
    const response = await fetch(daemon.url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, max_tokens: 1, ...body }),
    });
    expect(response.status).toBe(200);
    return response.text();
  }

  /** The id that comes first in each entry of a JSON text: objects of JavaScript do not keep that order. */
  function firstIds(json: string): readonly string[] {
    const text = /"prompt_logprobs":\[null,(.*?\}\})\]/s.exec(json)?.[1] ?? "";
    return text.split(/(?<=\}\}),/).map((entry) => /^\{"(\d+)"/.exec(entry)?.[1] ?? "");
  }

  function assertEntries(entries: Entries, ids: readonly string[], count: number): void {
    expect(entries[0]).toBeNull();
    expect(entries.length).toBe(ids.length + 1);
    for (const [at, id] of ids.entries()) {
      const entry = entries[at + 1] ?? {};
      const own = entry[id];
      const ranks = Object.values(entry).map(({ rank }) => rank);
      expect(Object.keys(entry)).toHaveLength((own?.rank ?? 0) <= count ? Math.max(count, 1) : count + 1);
      expect(ranks).toEqual(expect.arrayContaining(Array.from({ length: count }, (_, rank) => rank + 1)));
      for (const [other, { logprob, rank }] of Object.entries(entry)) {
        if (other !== id && own !== undefined) expect(rank < own.rank).toBe(logprob >= own.logprob);
      }
    }
  }

  test.each([0, 3])(
    "completions: of each token of the prompt, as vLLM has them, with %i alternatives",
    async (count) => {
      const prompt = "Once upon a time";
      const json = await postText("/v1/completions", {
        prompt,
        prompt_logprobs: count,
        n: 2,
        return_token_ids: true,
      });
      const { choices } = JSON.parse(json) as {
        choices: { prompt_logprobs: Entries; prompt_token_ids: number[]; logprobs: null }[];
      };
      const [first, second] = choices;
      expect(second?.prompt_logprobs).toEqual(first?.prompt_logprobs);
      expect(first?.logprobs).toBeNull();
      const ids = firstIds(json);
      expect(ids).toEqual(first?.prompt_token_ids.slice(1).map(String));
      assertEntries(first?.prompt_logprobs ?? [], ids, count);
    },
  );

  test("they are those of an echoed prompt, each with its own count of alternatives", async () => {
    const json = await postText("/v1/completions", {
      prompt: "Once upon a time",
      prompt_logprobs: 4,
      logprobs: 1,
      echo: true,
    });
    const { choices } = JSON.parse(json) as {
      choices: { prompt_logprobs: Entries; logprobs: { token_logprobs: number[]; top_logprobs: object[] } }[];
    };
    const [choice] = choices;
    const ids = firstIds(json);
    assertEntries(choice?.prompt_logprobs ?? [], ids, 4);
    const own = ids.map((id, at) => choice?.prompt_logprobs[at + 1]?.[id]?.logprob);
    expect(choice?.logprobs.token_logprobs.slice(1, 1 + ids.length)).toEqual(own);
    expect(Object.keys(choice?.logprobs.top_logprobs[1] ?? {}).length).toBeLessThanOrEqual(2);
  });

  test("chats: once in the answer", async () => {
    const messages = [{ role: "user", content: "Tell me about a fox." }];
    const json = await postText("/v1/chat/completions", {
      messages,
      prompt_logprobs: 2,
      return_token_ids: true,
    });
    const answer = JSON.parse(json) as { prompt_logprobs: Entries; prompt_token_ids: number[] };
    const ids = firstIds(json);
    expect(ids).toEqual(answer.prompt_token_ids.slice(1).map(String));
    assertEntries(answer.prompt_logprobs, ids, 2);
  });

  test("what cannot be is named", async () => {
    const bad = [{ stream: true, prompt_logprobs: 1 }, { prompt_logprobs: -1 }, { prompt_logprobs: 21 }];
    for (const body of bad) {
      const { status, body: answer } = await postJson(`${daemon.url}/v1/completions`, {
        model,
        prompt: "a",
        ...body,
      });
      expect({ status, param: answer.error?.param }).toEqual({ status: 400, param: "prompt_logprobs" });
    }
  });
});

describe("which tokens a prompt and an answer may have", () => {
  const prompt = "Once upon a time";

  async function complete(parameters: object): Promise<string> {
    const body = { model, prompt, max_tokens: 40, temperature: 0, ...parameters };
    const answer = await postJson(`${daemon.url}/v1/completions`, body);
    expect(answer.status).toBe(200);
    return (answer.body as { choices: [{ text: string }] }).choices[0].text;
  }

  async function tokenize(text: string): Promise<number[]> {
    const answer = await postJson(`${daemon.url}/tokenize`, {
      model,
      prompt: text,
      add_special_tokens: false,
    });
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
      const input =
        path === "completions" ? { prompt: text } : { messages: [{ role: "user", content: text }] };
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
      if (path === "completions") {
        expect(short.headers.has("x-infernode-truncated-prompt-tokens")).toBe(false);
      }
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
});

describe("a predicted answer", () => {
  const messages = [{ role: "user" as const, content: "Tell me a story about a fox." }];
  const ask = { model, messages, max_tokens: 60, seed: 4 };
  const client = (): OpenAI => createClient(daemon.url);
  const steps = (): Promise<number> => daemon.metric("infernode_engine_steps_total");

  test("is the same in fewer steps, right or wrong, and its tokens are counted", async () => {
    const first = await steps();
    const plain = await client().chat.completions.create(ask);
    const content = plain.choices[0]?.message.content ?? "";
    const second = await steps();
    const predicted = await client().chat.completions.create({
      ...ask,
      prediction: { type: "content", content },
    });
    const third = await steps();
    expect(predicted.choices).toEqual(plain.choices);
    expect(third - second).toBeLessThan((second - first) / 3);
    const { accepted_prediction_tokens: accepted = 0, rejected_prediction_tokens: rejected } =
      predicted.usage?.completion_tokens_details ?? {};
    expect(accepted).toBeGreaterThan(40);
    expect(accepted).toBeLessThan(60);
    expect(rejected).toBeLessThan(9);
    expect(plain.usage?.completion_tokens_details).toEqual({ reasoning_tokens: 0 });
    const text = [{ type: "text" as const, text: "Nothing of this will come." }];
    const wrong = await client().chat.completions.create({
      ...ask,
      prediction: { type: "content", content: text },
    });
    expect(wrong.choices).toEqual(plain.choices);
    expect(wrong.usage?.completion_tokens_details?.accepted_prediction_tokens).toBeLessThan(9);
  });

  test("is refused by name where it is none", async () => {
    const refuse = async (prediction: unknown): Promise<unknown> =>
      (await postJson(`${daemon.url}/v1/chat/completions`, { ...ask, prediction })).body;
    for (const [prediction, param, expected] of [
      ["a text", "prediction", 'an object with `type` "content" and `content`'],
      [{ type: "content" }, "prediction.content", "a string or an array of text parts"],
      [{ type: "text", content: "a" }, "prediction.type", '"content"'],
      [{ type: "content", content: "word ".repeat(3000) }, "prediction", "tokens, the model's context"],
    ] as const) {
      const error = { param, message: expect.stringContaining(expected) };
      expect(await refuse(prediction)).toMatchObject({ error });
    }
  });
});
