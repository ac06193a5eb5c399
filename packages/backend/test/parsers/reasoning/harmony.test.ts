import { describe, expect, test } from "vitest";
import { findAnswerFormat } from "../../../src/parsers/answer/answer-format.ts";
import { content, reasoning, readAnswer } from "../read-answer.ts";

const options = { reasoningParser: "harmony" };
const read = (text: string): ReturnType<typeof readAnswer> => readAnswer(text.split(""), options);

describe("harmony", () => {
  test("takes messages in analysis for reasoning, and the one in final for content", () => {
    const first = "<|channel|>analysis<|message|>Think. <|end|><|start|>assistant";
    const second = "<|channel|>analysis<|message|>Again.<|end|><|start|>assistant";
    const last = "<|channel|>final<|message|>Hello <|x|>!";
    expect(read(`${first}${last}`)).toEqual([reasoning("Think."), content("Hello <|x|>!")]);
    expect(read(`${first}${second}${last}`)).toEqual([reasoning("Think.Again."), content("Hello <|x|>!")]);
    expect(read(last)).toEqual([content("Hello <|x|>!")]);
  });

  test("takes what is cut off within a message for a part of it", () => {
    expect(read("<|channel|>analysis<|message|>Thin")).toEqual([reasoning("Thin")]);
    expect(readAnswer("king<|end|><|start|>assistant", { ...options, isReasoningOpen: true })).toEqual([
      reasoning("king"),
    ]);
  });

  test("leaves messages in other channels as they are", () => {
    const call = "<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}";
    expect(read(call)).toEqual([content(call)]);
    const after = `<|channel|>analysis<|message|>Call.<|end|><|start|>assistant${call}`;
    expect(read(after)).toEqual([reasoning("Call."), content(call)]);
  });

  test("is found by the template of gpt-oss", () => {
    const template = "{{- '<|start|>assistant<|channel|>analysis<|message|>' + message.thinking }}";
    expect(findAnswerFormat({ template }).reasoning?.name).toBe("harmony");
  });
});
