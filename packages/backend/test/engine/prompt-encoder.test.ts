import { expect, test } from "vitest";
import { createPromptEncoder, type PromptEncoderOptions } from "../../src/engine/prompt-encoder.ts";

/** One token for each letter; the longest token of the vocabulary has four characters. */
function createCountingTokenizer() {
  const calls: string[] = [];
  const tokenizer: PromptEncoderOptions["tokenizer"] = {
    vocabSize: 3,
    tokenOf: (tokenId) => ["a", "abcd", undefined][tokenId],
    decode: (tokenIds) => tokenIds.map((tokenId) => ["a", "abcd"][tokenId] ?? "").join(""),
    encode: (text, options) => {
      calls.push(text);
      const start = options?.addSpecialTokens === true ? [1] : [];
      return [...start, ...Array.from(text, () => 0)];
    },
  };
  return { calls, tokenizer };
}

const chatTemplate: PromptEncoderOptions["chatTemplate"] = {
  source: "",
  render: (messages) => messages.map(({ role, content }) => `${role}:${content}`).join("|"),
};

test("adds special tokens to texts and leaves them to the template for chats", async () => {
  const { tokenizer } = createCountingTokenizer();
  const encoder = createPromptEncoder({ tokenizer, chatTemplate, contextTokens: 100 });
  expect(await encoder.encode({ kind: "text", text: "xy" })).toEqual([1, 0, 0]);
  expect(await encoder.encode({ kind: "text", text: "xy", addSpecialTokens: false })).toEqual([0, 0]);
  const messages = [{ role: "u", content: "x" }];
  expect(await encoder.encode({ kind: "chat", messages })).toEqual([0, 0, 0]);
  expect(await encoder.encode({ kind: "tokens", tokenIds: [2, 2] })).toEqual([2, 2]);
});

test("refuses a text that cannot fit before it is tokenized, and takes one that may", async () => {
  const { calls, tokenizer } = createCountingTokenizer();
  const encoder = createPromptEncoder({ tokenizer, chatTemplate: undefined, contextTokens: 10 });
  await expect(encoder.encode({ kind: "text", text: "x".repeat(37) })).rejects.toMatchObject({
    code: "CONTEXT_LENGTH_EXCEEDED",
    data: { leastPromptTokens: 10, contextTokens: 10 },
  });
  expect(calls).toEqual([]);
  expect(await encoder.encode({ kind: "text", text: "x".repeat(36) })).toHaveLength(37);
});

test("says that there is no chat template", async () => {
  const { tokenizer } = createCountingTokenizer();
  const encoder = createPromptEncoder({ tokenizer, chatTemplate: undefined, contextTokens: 10 });
  await expect(encoder.encode({ kind: "chat", messages: [] })).rejects.toMatchObject({
    code: "CHAT_TEMPLATE_MISSING",
    param: "messages",
  });
});

test("gives long texts to the other thread, and only those", async () => {
  const { calls, tokenizer } = createCountingTokenizer();
  const encoder = createPromptEncoder({
    tokenizer,
    chatTemplate: undefined,
    contextTokens: 100_000,
    encodeLong: async (text, addSpecialTokens) => [text.length, Number(addSpecialTokens)],
  });
  expect(await encoder.encode({ kind: "text", text: "x".repeat(16_384) })).toEqual([16_384, 1]);
  await encoder.encode({ kind: "text", text: "x".repeat(16_383) });
  expect(calls).toHaveLength(1);
});

test("describes a prompt: its tokens, how they are spelled, and their text", async () => {
  const { tokenizer } = createCountingTokenizer();
  const encoder = createPromptEncoder({ tokenizer, chatTemplate, contextTokens: 10 });
  expect(await encoder.describe({ kind: "text", text: "xy" })).toEqual({
    tokenIds: [1, 0, 0],
    spellings: ["abcd", "a", "a"],
    text: "abcdaa",
  });
  expect(await encoder.describe({ kind: "tokens", tokenIds: [0, 2] })).toEqual({
    tokenIds: [0, 2],
    spellings: ["a", ""],
    text: "a",
  });
});
