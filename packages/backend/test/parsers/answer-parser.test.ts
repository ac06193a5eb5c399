import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { marksOf } from "../../src/parsers/answer/answer-format.ts";
import { reasoningFormats } from "../../src/parsers/reasoning/registry.ts";
import { toolFormats } from "../../src/parsers/tools/registry.ts";
import { call, content, reasoning, readAnswer, readPieces, type ReadOptions } from "./read-answer.ts";

const seed = 7;
const toolNames: readonly string[] = toolFormats.map(({ name }) => name);
const reasoningNames: readonly string[] = reasoningFormats.map(({ name }) => name);

/** Every tool format and every format of reasoning. */
const combinations: readonly ReadOptions[] = toolNames.map((toolParser, at) => ({
  toolParser,
  reasoningParser: reasoningNames[at % reasoningNames.length] ?? "none",
}));

const marks = [
  ...toolFormats.flatMap((tools) => marksOf({ tools, reasoning: undefined })),
  ...reasoningFormats.flatMap((reasoning) => marksOf({ tools: undefined, reasoning })),
];
const scraps = [
  '{"name": "f", "arguments": {"a": [1, "}"]}}',
  '{"parameters": {"x": "\\"]"}, "name":"look"}',
  '{"name":"f"}',
  '{"name": "other", "arguments": "{\\"a\\":1}"}',
  "f(a=1, b='x')",
  'look(place="Oslo", tags=["a", {"b": None}])',
  "[",
  "]",
  "{",
  "}",
  ", ",
  "; ",
  '"',
  "name",
  "f",
  "look",
  "call:",
  "```",
  "json",
  "\n",
  " ",
  "   \n\n  ",
  " ".repeat(70),
  "Oslo 🦊 日本",
  "<",
  "[TOOL",
  "</",
];
const texts = fc
  .array(fc.oneof(fc.constantFrom(...marks), fc.constantFrom(...scraps), fc.string({ maxLength: 4 })), {
    maxLength: 14,
  })
  .map((pieces) => pieces.join(""));

/** A text, and where it is cut. */
const cutTexts = texts.chain((text) =>
  fc
    .array(fc.nat({ max: text.length }), { maxLength: 12 })
    .map((cuts) => ({ text, cuts: cuts.toSorted((a, b) => a - b) })),
);

function cut(text: string, cuts: readonly number[]): readonly string[] {
  const ends = [...cuts, text.length];
  return ends.map((end, at) => text.slice(ends[at - 1] ?? 0, end));
}

describe.each(combinations)("$toolParser with $reasoningParser", (options) => {
  test("gives the same parts wherever the text is cut", () => {
    fc.assert(
      fc.property(cutTexts, fc.boolean(), ({ text, cuts }, isReasoningOpen) => {
        const whole = readAnswer(text, { ...options, isReasoningOpen });
        expect(readAnswer(cut(text, cuts), { ...options, isReasoningOpen })).toEqual(whole);
        expect(readAnswer(text.split(""), { ...options, isReasoningOpen })).toEqual(whole);
      }),
      { seed, numRuns: 150 },
    );
  });

  test("leaves text without marks as it is", () => {
    const plain = fc.string({ unit: fc.constantFrom("a", "b", "c", " ", ".", ",", "\n", "🦊", "é", "<") });
    fc.assert(
      fc.property(plain, (text) => {
        expect(readAnswer(text.split(""), options)).toEqual(text === "" ? [] : [content(text)]);
      }),
      { seed, numRuns: 100 },
    );
  });

  test("numbers calls, and begins each before its arguments", () => {
    fc.assert(
      fc.property(texts, (text) => {
        let callCount = 0;
        for (const part of readPieces(text.split(""), options)) {
          if (part.type === "call") {
            expect(part.callIndex).toBe(callCount);
            callCount += 1;
          } else if (part.type === "arguments") {
            expect(part.callIndex).toBe(callCount - 1);
          }
        }
      }),
      { seed, numRuns: 100 },
    );
  });

  test.each([
    ["marks", marks.join("")],
    ["a mark", marks[0] ?? ""],
    ["beginnings of calls", `${marks[0]}{"name": "f", "x": [[[["`],
    ["brackets", "[{"],
    ["calls of Python", "f(a=[[(("],
    ["quotes", '{"'],
    ["white space", " \n"],
    ["backslashes", '{"name":"\\\\'],
  ])("reads a megabyte of %s, in single characters too", (_, scrap) => {
    const text = `[{${scrap.repeat(Math.ceil(2 ** 20 / scrap.length))}`;
    expect(readAnswer(text, options).length).toBeGreaterThan(0);
    let partCount = 0;
    for (const part of readPieces(text.slice(0, 2 ** 16).split(""), options)) partCount += part.type.length;
    expect(partCount).toBeGreaterThan(0);
  });
});

const ownMarks = toolFormats.flatMap(({ name, marks: own }) => own.map((mark) => [name, mark] as const));

test.each(ownMarks)("%s reads a megabyte of its mark %s", (toolParser, mark) => {
  const text = mark.repeat(Math.ceil(2 ** 20 / mark.length));
  expect(readAnswer(text, { toolParser }).length).toBeLessThan(text.length);
  expect(readAnswer(`[{${text}`, { toolParser }).length).toBeGreaterThan(0);
});

test("drops calls beyond the most that are wanted, with their arguments", () => {
  const text = '<tool_call>{"name":"f","arguments":{"a":1}}</tool_call>';
  const parts = readPieces([text, text], { toolParser: "hermes", maxCalls: 1 });
  expect(parts.map(({ type }) => type)).toEqual(["call", "arguments"]);
});

test("white space between reasoning, content and calls is left out; within content it stays", () => {
  const text =
    '<think>\n a\nb \n</think>\n\nOne  \n two\n\n<tool_call>\n{"name":"f","arguments":{}}\n</tool_call>\n';
  expect(readAnswer(text, { toolParser: "hermes", reasoningParser: "think" })).toEqual([
    reasoning("a\nb"),
    content("One  \n two"),
    call("f", "{}"),
  ]);
});
