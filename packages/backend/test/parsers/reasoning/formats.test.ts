import { describe, expect, test } from "vitest";
import { content, readAnswer, reasoning, type JoinedPart } from "../read-answer.ts";

type Row = readonly [text: string, parts: readonly JoinedPart[]];

const formats: Readonly<Record<string, readonly Row[]>> = {
  think: [
    ["<think>\nI see.\n</think>\n\nYes.", [reasoning("I see."), content("Yes.")]],
    ["\n<think>a</think>b", [reasoning("a"), content("b")]],
    ["<think>\n\n</think>\n\nYes.", [content("Yes.")]],
    ["<think>never ends", [reasoning("never ends")]],
    ["Yes. <think>no</think>", [content("Yes. <think>no</think>")]],
    ["<think>a</thin", [reasoning("a</thin")]],
  ],
  mistral: [["[THINK]a[/THINK]b", [reasoning("a"), content("b")]]],
  granite: [
    ["Here is my thought process: a\n\nHere is my response: b", [reasoning("a"), content("b")]],
    ["Here's my thought process: a Here's my response: b", [reasoning("a"), content("b")]],
    ["Here is my cat.", [content("Here is my cat.")]],
  ],
};

describe.each(Object.entries(formats))("%s", (reasoningParser, rows) => {
  test.each(rows)("%s", (text, parts) => {
    expect(readAnswer(text, { reasoningParser })).toEqual(parts);
    expect(readAnswer(text.split(""), { reasoningParser })).toEqual(parts);
  });
});

test("an answer whose prompt ends within reasoning begins with it", () => {
  const read = (text: string) => readAnswer(text, { reasoningParser: "think", isReasoningOpen: true });
  expect(read("a</think>b")).toEqual([reasoning("a"), content("b")]);
  expect(read("a")).toEqual([reasoning("a")]);
});
