import { afterAll, beforeAll, expect, test } from "vitest";
import { postJson } from "./support/post-json.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";

const model = "infernode-stories";
let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());

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
