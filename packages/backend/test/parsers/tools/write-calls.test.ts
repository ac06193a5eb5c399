import type { ConstraintSource } from "@infernode/inference/constraint";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { answerSource } from "../../../src/operations/enforce-calls.ts";
import type { AnswerParts } from "../../../src/operations/open-answers.ts";
import { hermes } from "../../../src/parsers/tools/hermes.ts";
import { toolFormats } from "../../../src/parsers/tools/registry.ts";
import type { CallableTool, ToolFormat } from "../../../src/parsers/tools/tool-format.ts";
import { readAnswer, type JoinedPart } from "../read-answer.ts";
import { vocabularyOf, writeAnswers, type AnswerVocabulary } from "./write-answers.ts";

const schemas = {
  f: {
    type: "object",
    properties: {
      text: { type: "string" },
      short: { type: ["string", "null"], minLength: 1, maxLength: 3 },
      word: { type: "string", enum: ["a\n", "\n", "null", "True", " <b> ", '"'] },
      flag: { type: ["boolean", "null"] },
      number: { type: "number", minimum: -5, maximum: 1e6 },
      any: { enum: [1, "1", null, ["x", false], { "a b": { c: null } }, "</parameter></arg_value>"] },
      list: {
        type: "array",
        items: { anyOf: [{ type: "string", maxLength: 4 }, { $ref: "#" }] },
        maxItems: 2,
      },
      inner: { type: "object", additionalProperties: { type: "integer" }, maxProperties: 2 },
    },
    required: ["text"],
    additionalProperties: false,
  },
  look: { type: "object", additionalProperties: { type: "boolean" }, maxProperties: 3 },
  function: { type: "object", properties: {}, additionalProperties: false },
};
type Name = keyof typeof schemas;
const textParameters = ["text", "short", "word"];
const tools: readonly CallableTool[] = Object.entries(schemas).map(([name, schema]) => ({
  name,
  textParameters: name === "f" ? textParameters : [],
  argumentsSource: { part: { jsonSchema: schema }, name: "tools[0]" },
}));
const ajv = new Ajv2020({ allowUnionTypes: true });
const validators = {
  f: ajv.compile(schemas.f),
  look: ajv.compile(schemas.look),
  function: ajv.compile(schemas.function),
};

const closed = { isReasoningOpen: false, isContentOpen: false };
const enforced = { isRequired: true, param: "tool_choice" };
const strict = { isRequired: false, param: "tools[0].function.strict" };

function sourceOf(
  content: ConstraintSource | undefined,
  parts: AnswerParts,
  { reader }: AnswerVocabulary,
): ConstraintSource {
  return answerSource(content, parts, { ...closed, reader }) ?? { literal: "" };
}

/** Reads an answer, whole and character by character; checks its calls. */
function read(text: string, { name }: ToolFormat): readonly JoinedPart[] {
  const options = { toolParser: name, reasoningParser: name === "harmony" ? "harmony" : "none", tools };
  const parts = readAnswer(text, options);
  expect(readAnswer(text.split(""), options)).toEqual(parts);
  for (const part of parts) if (part.type === "call") assertCall(part, text);
  return parts.filter(({ type }) => type !== "reasoning");
}

function assertCall(call: JoinedPart & { readonly type: "call" }, text: string): void {
  const validate = validators[call.name as Name];
  validate(JSON.parse(call.arguments));
  expect([text, validate.errors]).toEqual([text, null]);
}

const rows = toolFormats.flatMap((format) =>
  [true, false].map((hasTokens) => ({ name: format.name, format, hasTokens })),
);
/** Their templates or marks allow one only. */
const single = new Set(["llama3", "harmony"]);

describe.each(rows)("$name, with marks as tokens: $hasTokens", ({ name, format, hasTokens }) => {
  const vocabulary = vocabularyOf(format, hasTokens);

  test("calls are read as they are written", () => {
    const texts = writeAnswers(
      sourceOf(undefined, { tools, maxCalls: 2, enforced }, vocabulary),
      vocabulary,
      12,
    );
    const counts = texts.map((text) => {
      const parts = read(text, format);
      expect([text, parts.map(({ type }) => type).filter((type) => type !== "call")]).toEqual([text, []]);
      return parts.length;
    });
    expect(Math.min(...counts)).toBeGreaterThan(0);
    expect(Math.max(...counts)).toBe(single.has(name) ? 1 : 2);
  });

  test("nothing else is taken for a call in an answer that may be text", () => {
    const kinds = writeAnswers(
      sourceOf(undefined, { tools, enforced: strict }, vocabulary),
      vocabulary,
      16,
    ).flatMap((text) => read(text, format).map(({ type }) => type));
    expect(new Set(kinds)).toEqual(new Set(["content", "call"]));
  });
});

describe("content beside calls", () => {
  const content: ConstraintSource = {
    jsonSchema: {
      type: "object",
      properties: { text: { type: "string" }, name: { enum: ["f", "<tool_call>", "[TOOL_CALLS]f{}"] } },
      required: ["text"],
      additionalProperties: false,
    },
  };
  const validate = ajv.compile(content.jsonSchema as object);
  const allowed = rows.filter(({ format, hasTokens }) => hasTokens && format.writer.jsonCalls !== "any");

  test.each(allowed)(
    "is JSON of the schema: $name, with marks as tokens: $hasTokens",
    ({ format, hasTokens }) => {
      const vocabulary = vocabularyOf(format, hasTokens);
      const kinds = writeAnswers(sourceOf(content, { tools }, vocabulary), vocabulary, 8).flatMap((text) => {
        const parts = read(text, format);
        for (const part of parts) {
          if (part.type !== "content") continue;
          validate(JSON.parse(part.text));
          expect([text, validate.errors]).toEqual([text, null]);
        }
        return parts.map(({ type }) => type);
      });
      expect(new Set(kinds)).toEqual(new Set(["content", "call"]));
    },
  );

  test("is refused where any JSON may be a call, and where it is not JSON", () => {
    const names = toolFormats.filter(({ writer }) => writer.jsonCalls === "any").map(({ name }) => name);
    expect(names).toEqual(["llama3", "json"]);
    const cases = [
      ...names.map((name) => ({ name, source: content })),
      ...toolFormats.map(({ name }) => ({ name, source: { regex: ".*" } })),
    ];
    for (const { name, source } of cases) {
      const format = toolFormats.find((each) => each.name === name);
      expect(() => sourceOf(source, { tools }, vocabularyOf(format!, true))).toThrow(
        expect.objectContaining({ code: "UNSUPPORTED_PARAMETER", message: expect.stringContaining(name) }),
      );
    }
  });
});

test("a model that no format is known of is refused", () => {
  const { reader } = vocabularyOf(hermes, true);
  const unknown = { ...reader, format: { ...reader.format, tools: undefined } };
  expect(() => answerSource(undefined, { tools, enforced }, { ...closed, reader: unknown })).toThrow(
    expect.objectContaining({ code: "UNSUPPORTED_PARAMETER", param: "tool_choice" }),
  );
});

test.each([
  { name: "pythonic", property: "a b" },
  { name: "qwen3-coder", property: "a b" },
  { name: "glm", property: "a<b" },
  { name: "gemma", property: '<|"|>' },
])("a property that $name cannot write is refused by its name", ({ name, property }) => {
  const format = toolFormats.find((each) => each.name === name);
  const vocabulary = vocabularyOf(format!, true);
  const schema = { type: "object", properties: { [property]: { type: "integer" } } };
  const argumentsSource = { part: { jsonSchema: schema }, name: "tools[0].function.parameters" };
  const tool = { name: "f", textParameters: [], argumentsSource };
  const source = sourceOf(undefined, { tools: [tool], enforced }, vocabulary);
  expect(() => writeAnswers(source, vocabulary, 1)).toThrow(
    expect.objectContaining({
      code: "UNSUPPORTED_CONSTRAINT",
      part: "tools[0].function.parameters",
      path: "#",
      got: JSON.stringify(property),
    }),
  );
});
