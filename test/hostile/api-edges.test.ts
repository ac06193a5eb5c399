import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDaemon, type TestDaemon } from "../e2e/support/start-daemon.ts";

const model = "infernode-stories";
const vocabSize = 3072;

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());

interface Body {
  readonly choices: readonly { readonly text: string }[];
  readonly usage: { readonly completion_tokens: number };
  readonly tokens: readonly number[];
  readonly prompt: string;
  readonly error: { readonly message: string; readonly param: string | null; readonly code: string };
}

async function send(path: string, body: string | Uint8Array<ArrayBuffer>) {
  const response = await fetch(daemon.url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  return { status: response.status, ...((await response.json()) as Body) };
}

const complete = (fields: object) =>
  send("/v1/completions", JSON.stringify({ model, prompt: "Once", max_tokens: 1, ...fields }));
/** Fields as they are written. */
const completeRaw = (fields: string) =>
  send("/v1/completions", `{"model":"${model}","max_tokens":1,${fields}}`);

describe("as much as may be asked for", () => {
  test("128 answers, of one prompt or of 128, with everything that they can carry", async () => {
    const many = await complete({ n: 128, best_of: 128, logprobs: 20 });
    expect(many.choices).toHaveLength(128);
    const prompts = Array.from({ length: 128 }, (_, index) => `Story ${index}`);
    const echoed = await complete({ prompt: prompts, echo: true, logprobs: 20 });
    expect(echoed.choices.every(({ text }, index) => text.startsWith(`Story ${index}`))).toBe(true);
    const ids = await complete({ prompt: prompts.map((_, id) => [id]) });
    expect(ids.usage.completion_tokens).toBe(128);
  });

  test("a bias for every token, and the longest stop strings", async () => {
    const bias = Object.fromEntries(
      Array.from({ length: vocabSize }, (_, id) => [id, id === 100 ? 100 : -100]),
    );
    const forced = await complete({ logit_bias: bias, max_tokens: 3, logprobs: 0 });
    expect(forced.status).toBe(200);
    const stop = Array.from("abcdefghijklmnop", (letter) => letter.repeat(1024));
    expect((await complete({ stop, max_tokens: 50 })).status).toBe(200);
    expect((await complete({ stop: "\u{1f600}".repeat(1024) })).status).toBe(200);
  });

  test("and says nothing of it in the log", () => {
    expect(daemon.logs.filter(({ level }) => level >= 40)).toEqual([]);
  });
});

describe("one more is refused by name", () => {
  const ids = (count: number): string => Array.from({ length: count }, (_, id) => `"${id}":1`).join(",");
  test.each([
    ["n", '"prompt":"a","n":129'],
    ["n", '"prompt":["a","b"],"n":65'],
    ["best_of", '"prompt":"a","best_of":128'],
    ["prompt", `"prompt":[${'"a",'.repeat(128)}"a"]`],
    ["prompt", `"prompt":[${"[1],".repeat(5000)}[1]]`],
    ["stop", `"prompt":"a","stop":[${'"a",'.repeat(16)}"a"]`],
    ["stop[0]", `"prompt":"a","stop":["${"\u{1f600}".repeat(1025)}"]`],
    ["logit_bias", `"prompt":"a","logit_bias":{${ids(vocabSize + 1)}}`],
    ["logit_bias", '"prompt":"a","logit_bias":{"5":1,"05":-1}'],
    ["logit_bias.5", '"prompt":"a","logit_bias":{"5":null}'],
    ["prompt[1]", '"prompt":["a",["b"]]'],
    ["prompt[1][0]", '"prompt":[[1],["a"]]'],
    ["prompt[0]", '"prompt":[true]'],
    ["prompt[0]", '"prompt":[[]]'],
    ["prompt", '"prompt":null'],
    ["prompt", '"prompt":[1,2'.concat(",3".repeat(2000), "]")],
  ])("%s", async (param, fields) => {
    const { status, error } = await completeRaw(fields);
    expect({ status, param: error.param }).toEqual({ status: 400, param });
    expect(error.message.length).toBeLessThan(400);
  });

  test("50,000 keys are too many for a body", async () => {
    const { error } = await completeRaw(`"prompt":"a","logit_bias":{${ids(50_000)}}`);
    expect(error).toMatchObject({ code: "invalid_json", param: null });
  });
});

describe("JSON as it may be written", () => {
  test("of two keys the last counts", async () => {
    const { choices } = await completeRaw('"prompt":"a","prompt":"b","echo":true,"max_tokens":0');
    expect(choices[0]?.text).toBe("b");
  });

  test("a byte order mark is no part of it, and UTF-16 is not taken", async () => {
    const body = `{"model":"${model}","prompt":"a","max_tokens":1}`;
    expect((await send("/v1/completions", Uint8Array.from(Buffer.from(`\ufeff${body}`)))).status).toBe(200);
    const wide = Uint8Array.from(Buffer.from(`\ufeff${body}`, "utf16le"));
    expect((await send("/v1/completions", wide)).error.code).toBe("invalid_json");
  });

  test.each(["01", "+1", ".5", "1.", "0x1", "NaN", "-Infinity", "1_0", "'1'", "--1"])(
    "%s is no number",
    async (number) => {
      const { status, error } = await completeRaw(`"prompt":"a","temperature":${number}`);
      expect({ status, code: error.code }).toEqual({ status: 400, code: "invalid_json" });
      expect(error.message).toMatch(/line 1, column \d+/);
    },
  );

  test.each(["-0", "0.0", "0e5", "-0E-0", "0.000", "1e-400"])("%s is a temperature of 0", async (number) => {
    const greedy = await completeRaw('"prompt":"Once","max_tokens":8,"temperature":0');
    const { choices } = await completeRaw(`"prompt":"Once","max_tokens":8,"temperature":${number}`);
    expect(choices).toEqual(greedy.choices);
  });

  test("NUL is a character, and half of a surrogate pair is none", async () => {
    const { choices } = await completeRaw('"prompt":"a\\u0000b","echo":true,"max_tokens":0');
    expect(choices[0]?.text).toBe("a\0b");
    for (const half of ['"prompt":"\\ud800"', '"prompt":"a","stop":["\\udc00"]', '"prompt":["\\ud83d"]']) {
      expect((await completeRaw(half)).error.code).toBe("invalid_json");
    }
  });
});

describe("/tokenize and /detokenize", () => {
  test.each([
    ["{}", "prompt"],
    ['{"prompt":null}', "prompt"],
    ['{"prompt":"a","messages":[{"role":"user","content":"a"}]}', "prompt"],
    ['{"messages":[]}', "messages"],
    ['{"prompt":["a"]}', "prompt"],
    ['{"prompt":"a","chat_template_kwargs":{"messages":1}}', "chat_template_kwargs.messages"],
    ['{"messages":[{"role":"user","content":"a"}],"add_special_tokens":true}', "add_special_tokens"],
  ])("%s is refused at %s", async (body, param) => {
    const { status, error } = await send("/tokenize", body);
    expect({ status, param: error.param }).toEqual({ status: 400, param });
  });

  test("a conversation that is too long is so by its messages", async () => {
    const messages = [{ role: "user", content: "fox ".repeat(20_000) }];
    const { error } = await send("/tokenize", JSON.stringify({ messages }));
    expect(error).toMatchObject({ code: "context_length_exceeded", param: "messages" });
  });

  test("model may be null, and what was tokenized comes back", async () => {
    const text = 'A fox, "Ümläut" and \u{1f600}\0.';
    const { tokens } = await send("/tokenize", JSON.stringify({ model: null, prompt: text }));
    const { prompt } = await send("/detokenize", JSON.stringify({ model: null, tokens: tokens.slice(1) }));
    expect(prompt).toBe(text);
    expect((await send("/detokenize", `{"tokens":[${"5,".repeat(32_767)}5]}`)).status).toBe(200);
    const { error } = await send("/detokenize", `{"tokens":[${"5,".repeat(32_768)}5]}`);
    expect(error.param).toBe("tokens");
  });
});
