import { afterAll, beforeAll, expect, test } from "vitest";
import { postJson } from "./support/post-json.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";

const model = "infernode-stories";
const messages = [{ role: "user", content: "Tell me about a fox." }];
let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());

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
