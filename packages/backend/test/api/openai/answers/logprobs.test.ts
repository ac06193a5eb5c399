import type { TokenLogprob } from "@infernode/inference";
import { expect, test } from "vitest";
import {
  createCompletionLogprobsWriter,
  createPromptLogprobsWriter,
  toChatLogprobs,
} from "../../../../src/api/openai/answers/logprobs.ts";

function entry(token: string, bytes: readonly number[], logprob: number): TokenLogprob {
  return {
    tokenId: 1,
    token,
    bytes,
    logprob,
    rank: 1,
    top: [{ tokenId: 2, token: "__proto__", bytes: [1], logprob: -3 }],
  };
}

const fox = [...Buffer.from("🦊")];
const parts = [
  entry("a", [97], -1),
  entry("\u{fffd}", fox.slice(0, 2), -2),
  entry("\u{fffd}", fox.slice(2), Number.NEGATIVE_INFINITY),
  entry("é!", [...Buffer.from("é!")], Number.NaN),
  entry("b", [98], -0.5),
];

test("offsets count characters, and parts of one are written as bytes", () => {
  expect(createCompletionLogprobsWriter().write(parts)).toEqual({
    tokens: ["a", "bytes:\\xf0\\x9f", "bytes:\\xa6\\x8a", "é!", "b"],
    token_logprobs: [-1, -2, -9999, -9999, -0.5],
    text_offset: [0, 1, 1, 2, 4],
    top_logprobs: parts.map(() => expect.any(Object)),
  });
});

test("piece by piece is the same as at once", () => {
  const writer = createCompletionLogprobsWriter();
  const pieces = parts.map((part) => writer.write([part]));
  const whole = createCompletionLogprobsWriter().write(parts);
  expect(pieces.flatMap((piece) => piece.text_offset)).toEqual(whole.text_offset);
  expect(pieces.flatMap((piece) => piece.tokens)).toEqual(whole.tokens);
});

test("the alternatives have the token itself, whatever tokens are called", () => {
  const [first] = createCompletionLogprobsWriter().write(parts).top_logprobs;
  expect(Object.entries(first ?? {})).toEqual([
    ["__proto__", -3],
    ["a", -1],
  ]);
});

test("chats have finite numbers and the bytes of each token", () => {
  const { content } = toChatLogprobs(parts);
  expect(content[2]).toEqual({
    token: "\u{fffd}",
    logprob: -9999,
    bytes: fox.slice(2),
    top_logprobs: [{ token: "__proto__", logprob: -3, bytes: [1] }],
  });
});

test.each([
  {
    what: "what the tokenizer put before the text",
    prompt: ["Once 🦊!", "<s>"],
    tokens: ["Once", " ", fox.slice(0, 2), fox.slice(2), "!"],
    offsets: [0, 0, 4, 5, 5, 6],
  },
  {
    what: "the space before the first word",
    prompt: ["Once upon", "<s>"],
    tokens: [" Once", " upon"],
    offsets: [0, 0, 4],
  },
  {
    what: "a special token that is spelled out",
    prompt: ["<s>a</s>b", "<s>"],
    tokens: ["a", "</s>", "b"],
    offsets: [0, 3, 4, 8],
  },
  { what: "the first word", prompt: ["Once upon", "Once"], tokens: [" upon"], offsets: [0, 4] },
  { what: "a text that is not the tokens'", prompt: ["Ab", ""], tokens: ["a", "b"], offsets: [0, 0, 1] },
] as const)("offsets of a prompt know $what", ({ prompt: [text, firstToken], tokens, offsets }) => {
  const entries = tokens.map((token) => {
    if (typeof token !== "string") return entry("\u{fffd}", token, -1);
    return entry(token, token.startsWith("<") ? [] : [...Buffer.from(token)], -1);
  });
  const writer = createPromptLogprobsWriter(text, firstToken);
  const written = [writer.write([undefined, ...entries.slice(0, 1)]), writer.write(entries.slice(1))];
  expect(written.flatMap(({ text_offset }) => text_offset)).toEqual(offsets);
  expect(written[0]).toMatchObject({ token_logprobs: [null, -1], top_logprobs: [null, expect.any(Object)] });
  expect(written[0]?.tokens[0]).toBe(firstToken);
});
