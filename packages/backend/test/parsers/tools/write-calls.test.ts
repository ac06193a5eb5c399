import {
  compileConstraint,
  type ConstraintSource,
  createConstraint,
  createTokenMasks,
  createTokenTrie,
  markByte,
  markedTokenBytes,
} from "@infernode/inference/constraint";
import type { ConstraintStatePort } from "@infernode/inference";
import { expect, test } from "vitest";
import { createRandom } from "../../../../../benchmarks/lib/random.ts";
import { answerSource } from "../../../src/operations/enforce-calls.ts";
import { createAnswerReader, type AnswerReader } from "../../../src/parsers/answer/create-answer-reader.ts";
import { toolFormats } from "../../../src/parsers/tools/registry.ts";
import { readAnswer } from "../read-answer.ts";

const schema = {
  type: "object",
  properties: { "a b": { type: "string", maxLength: 8 }, list: { type: "array", items: {}, maxItems: 0 } },
  required: ["list"],
  additionalProperties: false,
};
const argumentsSource: ConstraintSource = { jsonSchema: schema };
const tools = ["f", "function"].map((name) => ({ name, textParameters: [], argumentsSource }));

/** The bytes, then the marks of all formats, which are tokens or not. */
function readerOf(
  toolParser: string,
  hasTokens: boolean,
): { reader: AnswerReader; marks: readonly string[] } {
  const marks = hasTokens ? (toolFormats.find(({ name }) => name === toolParser)?.marks ?? []) : [];
  const tokens = {
    specialTokenIds: new Set<number>(),
    tokenOf: (id: number) => marks[id - 256],
    idOf: (text: string) => (marks.includes(text) ? 256 + marks.indexOf(text) : undefined),
    decode: () => "",
  };
  return { reader: createAnswerReader({ template: "", toolParser, tokens }), marks };
}

/** Texts of random tokens that a source allows, each to an end. */
function writeAll(source: ConstraintSource | undefined, marks: readonly string[]): readonly string[] {
  const bytes = Array.from({ length: markByte }, (_, byte) => Uint8Array.of(byte));
  const vocabulary = [...bytes, new Uint8Array(), ...marks.map(markedTokenBytes)];
  const program = compileConstraint(source ?? { literal: "" });
  const constraint = createConstraint(createTokenMasks(program, createTokenTrie(vocabulary)));
  return Array.from({ length: 25 }, (_, seed) => write(constraint.start(), marks, seed));
}

function write(state: ConstraintStatePort, marks: readonly string[], seed: number): string {
  const ids = Array.from({ length: 256 + marks.length }, (_, id) => id);
  const random = createRandom(seed);
  const written: number[] = [];
  const pick = (from: readonly number[]): number => from[Math.floor(random() * from.length)] ?? -1;
  while (!state.isFinished && !(state.isComplete && random() < 0.1)) {
    const allowed = ids.filter((id) => state.allows(id));
    const marked = allowed.filter((id) => id >= 256);
    const likely = allowed.filter((id) => id > 0x20 && id < 0x80);
    const token = pick(marked.length > 0 && random() < 0.3 ? marked : likely.length > 0 ? likely : allowed);
    state.accept(token);
    written.push(...(token < 256 ? [token] : Buffer.from(marks[token - 256] ?? "")));
    if (written.length > 5000) throw new Error("no end");
  }
  return Buffer.from(written).toString();
}

const written = toolFormats.filter(({ writer }) => writer !== undefined);
const rows = written.flatMap(({ name, writer }) =>
  [true, false].map((hasTokens) => ({ name, hasTokens, hasText: writer?.startMarks !== undefined })),
);

function assertCalls(parts: ReturnType<typeof readAnswer>): void {
  for (const part of parts) {
    if (part.type !== "call") continue;
    expect(["f", "function"]).toContain(part.name);
    const { list, "a b": text = "", ...others } = JSON.parse(part.arguments) as Record<string, unknown>;
    expect({ list, text, others }).toEqual({ list: [], text: expect.any(String) as string, others: {} });
    expect(Array.from(text as string).length).toBeLessThanOrEqual(8);
  }
}

test.each(
  rows.flatMap((row) => [1, 3].map((maxCalls) => ({ name: row.name, hasTokens: row.hasTokens, maxCalls }))),
)(
  "calls are read as they are written: $name, up to $maxCalls, with marks as tokens: $hasTokens",
  ({ name, hasTokens, maxCalls }) => {
    const { reader, marks } = readerOf(name, hasTokens);
    const enforced = { isRequired: true, param: "tool_choice" };
    const counts = writeAll(answerSource(undefined, { tools, maxCalls, enforced }, reader), marks).map(
      (text) => {
        const parts = readAnswer(text, { toolParser: name, tools });
        expect([text, parts.map(({ type }) => type).filter((type) => type !== "call")]).toEqual([text, []]);
        assertCalls(parts);
        return parts.length;
      },
    );
    expect(Math.min(...counts)).toBe(1);
    if (hasTokens) expect(Math.max(...counts)).toBe(name === "llama3" ? 1 : maxCalls);
    else expect(Math.max(...counts)).toBeLessThanOrEqual(maxCalls);
  },
);

test.each(rows.filter(({ hasText }) => hasText))(
  "in a text nothing else is taken for a call: $name, with marks as tokens: $hasTokens",
  ({ name, hasTokens }) => {
    const { reader, marks } = readerOf(name, hasTokens);
    const enforced = { isRequired: false, param: "tool_choice" };
    const kinds = writeAll(answerSource(undefined, { tools, enforced }, reader), marks).flatMap((text) => {
      const parts = readAnswer(text, { toolParser: name, tools });
      assertCalls(parts);
      return parts.map(({ type }) => type);
    });
    expect(kinds).toContain("content");
    if (hasTokens) expect(kinds).toContain("call");
  },
);

test.each(["llama3", "json"])("calls that no mark begins need a choice: %s", (name) => {
  const enforced = { isRequired: false, param: "tools[0].function.strict" };
  const { reader } = readerOf(name, true);
  expect(() => answerSource(undefined, { tools, enforced }, reader)).toThrow(
    expect.objectContaining({ code: "UNSUPPORTED_PARAMETER", param: enforced.param }),
  );
});

test("formats whose calls cannot be written are refused by name", () => {
  const refused = toolFormats.filter(({ writer }) => writer === undefined).map(({ name }) => name);
  expect(refused).toEqual(["harmony", "gemma", "pythonic", "qwen3-coder", "glm"]);
  for (const name of refused) {
    const enforced = { isRequired: true, param: "tool_choice" };
    const { reader } = readerOf(name, true);
    expect(() => answerSource(undefined, { tools, enforced }, reader)).toThrow(
      expect.objectContaining({ param: "tool_choice", message: expect.stringContaining(`\`${name}\``) }),
    );
  }
});

test("content beside calls is allowed where no JSON can be taken for a call", () => {
  const content: ConstraintSource = { jsonObject: true };
  const isAllowed = (name: string, source: ConstraintSource): boolean => {
    try {
      return answerSource(source, { tools }, readerOf(name, true).reader) !== undefined;
    } catch {
      return false;
    }
  };
  expect(written.map(({ name }) => name).filter((name) => isAllowed(name, content))).toEqual([
    "granite",
    "hermes",
  ]);
  expect(isAllowed("hermes", { regex: ".*" })).toBe(false);
  expect(answerSource(content, {}, readerOf("mistral", true).reader)).toBe(content);
});
