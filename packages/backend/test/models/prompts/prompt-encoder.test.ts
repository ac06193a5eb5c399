import { expect, test } from "vitest";
import {
  createPromptEncoder,
  type PromptEncoderOptions,
} from "../../../src/models/prompts/prompt-encoder.ts";

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

test("adds special tokens to texts and leaves them to the template for chats", () => {
  const { tokenizer } = createCountingTokenizer();
  const encoder = createPromptEncoder({ tokenizer, chatTemplate });
  expect(encoder.encode({ kind: "text", text: "xy" }, 100)).toEqual([1, 0, 0]);
  expect(encoder.encode({ kind: "text", text: "xy", addSpecialTokens: false }, 100)).toEqual([0, 0]);
  const messages = [{ role: "u", content: "x" }];
  expect(encoder.encode({ kind: "chat", messages }, 100)).toEqual([0, 0, 0]);
  expect(encoder.encode({ kind: "tokens", tokenIds: [2, 2] }, 100)).toEqual([2, 2]);
});

test("refuses a text that cannot fit before it is tokenized, and takes one that may", () => {
  const { calls, tokenizer } = createCountingTokenizer();
  const encoder = createPromptEncoder({ tokenizer, chatTemplate: undefined });
  expect(() => encoder.encode({ kind: "text", text: "x".repeat(37) }, 10)).toThrow(
    expect.objectContaining({
      code: "CONTEXT_LENGTH_EXCEEDED",
      data: { leastPromptTokens: 10, contextTokens: 10 },
    }),
  );
  expect(calls).toEqual([]);
  expect(encoder.encode({ kind: "text", text: "x".repeat(36) }, 10)).toHaveLength(37);
});

test("refuses a text of more than 8 Mi characters, whatever the context holds", () => {
  const { calls, tokenizer } = createCountingTokenizer();
  const encoder = createPromptEncoder({ tokenizer, chatTemplate: undefined });
  expect(() => encoder.encode({ kind: "text", text: "x".repeat(2 ** 23 + 1) }, 1e9)).toThrow(
    expect.objectContaining({ code: "INVALID_REQUEST", param: "prompt" }),
  );
  expect(calls).toEqual([]);
});

test("says that there is no chat template", () => {
  const { tokenizer } = createCountingTokenizer();
  const encoder = createPromptEncoder({ tokenizer, chatTemplate: undefined });
  expect(() => encoder.encode({ kind: "chat", messages: [] }, 10)).toThrow(
    expect.objectContaining({
      code: "CHAT_TEMPLATE_MISSING",
      param: "messages",
    }),
  );
});

test("describes a prompt: its tokens, how they are spelled, and their text", () => {
  const { tokenizer } = createCountingTokenizer();
  const encoder = createPromptEncoder({ tokenizer, chatTemplate });
  expect(encoder.describe({ kind: "text", text: "xy" }, 10)).toEqual({
    tokenIds: [1, 0, 0],
    spellings: ["abcd", "a", "a"],
    text: "abcdaa",
  });
  expect(encoder.describe({ kind: "tokens", tokenIds: [0, 2] }, 10)).toEqual({
    tokenIds: [0, 2],
    spellings: ["a", ""],
    text: "a",
  });
});
