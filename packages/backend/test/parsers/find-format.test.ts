import { expect, test } from "vitest";
import { findAnswerFormat } from "../../src/parsers/answer/answer-format.ts";
import { createAnswerReader } from "../../src/parsers/answer/create-answer-reader.ts";

const names = (template: string | undefined, settings: object = {}) => {
  const { tools, reasoning } = findAnswerFormat({ template, ...settings });
  return [tools?.name, reasoning?.name];
};

// What is peculiar to the templates of these models.
test.each([
  ["Qwen 3", '<tool_call>\\n{"name": {%- if enable_thinking %}<think>', ["hermes", "think"]],
  ["Qwen 2.5", '<tool_call>\\n{"name": ', ["hermes", undefined]],
  ["Qwen3-Coder", "<tool_call>\\n<function=example_function_name>", ["qwen3-coder", undefined]],
  ["GLM 4.5", "<tool_call>{{ name }}<arg_key><think>", ["glm", "think"]],
  ["DeepSeek R1", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜> </think> <think>\\n", ["deepseek", "think"]],
  ["gpt-oss", "<|start|>assistant<|channel|>analysis<|message|>", ["harmony", "harmony"]],
  ["Mistral", "[AVAILABLE_TOOLS] [TOOL_CALLS]", ["mistral", undefined]],
  ["Magistral", "[TOOL_CALLS] [THINK]", ["mistral", "mistral"]],
  ["Llama 3.1", "<|python_tag|>", ["llama3", undefined]],
  [
    "Llama 3.2",
    '{"name": function name, "parameters": dictionary of argument name and its value}',
    ["llama3", undefined],
  ],
  ["Granite 3.3", "<|tool_call|> Here is my thought process: ", ["granite", "granite"]],
  ["FunctionGemma", "<start_function_call>call:", ["gemma", undefined]],
  ["no marks", "{{ messages }}", ["json", undefined]],
])("finds the formats of %s", (_, template, expected) => {
  expect(names(template)).toEqual(expected);
});

test("a setting takes the place of what the template says", () => {
  const template = "<tool_call><think>";
  expect(names(template, { toolParser: "llama3", reasoningParser: "granite" })).toEqual([
    "llama3",
    "granite",
  ]);
  expect(names(template, { toolParser: "none", reasoningParser: "none" })).toEqual([undefined, undefined]);
  expect(names(undefined)).toEqual([undefined, undefined]);
});

const vocabulary = ["<s>", "</s>", "<think>", "</think>", "<tool_call>", "a", " "];
const tokens = {
  specialTokenIds: new Set([0, 1, 2, 4]),
  tokenOf: (tokenId: number) => vocabulary[tokenId],
  idOf: (token: string) => (vocabulary.includes(token) ? vocabulary.indexOf(token) : undefined),
  decode: (tokenIds: readonly number[]) => tokenIds.map((id) => vocabulary[id]).join(""),
};
const reader = createAnswerReader({ template: "<tool_call><think>", tokens });

test("keeps the special tokens of the formats, and no others", () => {
  expect(reader.keptTokenIds(true)).toEqual([2, 4]);
  expect(reader.keptTokenIds(false)).toEqual([2]);
});

test.each([
  { prompt: "ends with the mark", tokenIds: [5, 2], isOpen: true },
  { prompt: "ends with the mark and space", tokenIds: [2, 6], isOpen: true },
  { prompt: "has closed reasoning", tokenIds: [2, 3], isOpen: false },
  { prompt: "mentions the mark", tokenIds: [2, 5], isOpen: false },
  { prompt: "continues open reasoning", tokenIds: [5], continued: "<think>a", isOpen: true },
  { prompt: "continues what follows", tokenIds: [5], continued: "<think>a</think>b", isOpen: false },
  { prompt: "continues a text", tokenIds: [2], continued: "a", isOpen: false },
])("whether reasoning is open after a prompt that $prompt", ({ tokenIds, continued, isOpen }) => {
  expect(reader.isReasoningOpen(tokenIds, continued)).toBe(isOpen);
});

test("counts the tokens of reasoning exactly where its marks are tokens", () => {
  const read = reader.open({});
  const count = (tokenIds: readonly number[], isLast = false): number =>
    read({ text: tokens.decode(tokenIds), tokenIds, isLast }).reasoningTokens;
  expect([count([2]), count([5, 6]), count([5, 3, 5, 5]), count([5], true)]).toEqual([0, 2, 1, 0]);
  const inOne = reader.open({});
  expect(
    inOne({ text: "<think>a a</think>aa", tokenIds: [2, 5, 6, 5, 3, 5, 5], isLast: true }).reasoningTokens,
  ).toBe(3);
  const open = reader.open({ isReasoningOpen: true });
  expect(open({ text: "aa", tokenIds: [5, 5], isLast: false }).reasoningTokens).toBe(2);
});
