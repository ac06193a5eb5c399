import type { ConstraintPort } from "@infernode/inference";
import { array, assert, boolean, constantFrom, integer, property, record } from "fast-check";
import { describe, expect, test } from "vitest";
import { limitReasoning } from "../../src/operations/limit-reasoning.ts";
import { createAnswerReader, type AnswerReader } from "../../src/parsers/answer/create-answer-reader.ts";
import { GrowingVocabulary } from "../support/growing-vocabulary.ts";
import { reasoningFormats } from "../../src/parsers/reasoning/registry.ts";

interface Answering {
  readonly reader: AnswerReader;
  readonly vocabulary: GrowingVocabulary;
  /** What the model would write, token by token. */
  readonly thoughts: readonly string[];
  readonly endTokens: readonly string[];
  readonly maxTokens: number;
  readonly isReasoningOpen?: boolean;
  readonly constraint?: ConstraintPort;
}

/** Lets a model write; whatever it thinks of, its content is "Yes." as soon as the reasoning has ended. */
function answer(options: Answering): { reasoning: string; content: string; count: number; forced: number } {
  const { reader, vocabulary, thoughts, endTokens, maxTokens, isReasoningOpen = false } = options;
  const endTokenIds = endTokens.map((token) => vocabulary.idOf(token));
  const track = () => reader.trackReasoning({ isReasoningOpen })!;
  const state = limitReasoning(options.constraint, { maxTokens, endTokenIds, track }).start();
  const read = reader.open({ isReasoningOpen });
  const found = { reasoning: "", content: "", count: 0, forced: 0 };
  const write = (tokenId: number, isLast: boolean): void => {
    expect(state.allows(tokenId)).toBe(true);
    state.accept(tokenId);
    const piece = read({ text: vocabulary.decode([tokenId]), tokenIds: [tokenId], isLast });
    found.count += piece.reasoningTokens;
    for (const part of piece.parts) {
      if (part.type === "reasoning" || part.type === "content") found[part.type] += part.text;
    }
  };
  for (const thought of thoughts) {
    if (state.requiredTokenId !== undefined) break;
    write(vocabulary.idOf(thought), false);
  }
  for (let required = state.requiredTokenId; required !== undefined; required = state.requiredTokenId) {
    expect([state.isComplete, state.isFinished]).toEqual([false, false]);
    const words = new Uint32Array(64);
    state.fillMask(words);
    const allowed = Array.from({ length: 2048 }, (_, id) => id).filter(
      (id) => ((words[id >>> 5] ?? 0) & (1 << (id & 31))) !== 0,
    );
    expect(allowed).toEqual([required]);
    write(required, false);
    found.forced += 1;
  }
  write(vocabulary.idOf("Yes."), true);
  return found;
}

/** No mark is longer. */
const wholeMark = 80;

/** Cuts a text into tokens of up to `longest` characters. */
function cut(text: string, longest: number): readonly string[] {
  return Array.from({ length: Math.ceil(text.length / longest) }, (_, at) =>
    text.slice(at * longest, (at + 1) * longest),
  );
}

describe.each(reasoningFormats)("$name", ({ name, starts, forcedEnd }) => {
  test("ends reasoning at its budget, wherever its marks are cut, and counts it without them", () => {
    const start = starts[0] ?? "";
    const cases = record({
      longest: constantFrom(1, 2, 3, 7, wholeMark, wholeMark),
      thoughts: array(constantFrom("a", " b", "<", "</", "[", "Here is"), { maxLength: 12 }),
      maxTokens: integer({ min: 0, max: 8 }),
      isReasoningOpen: boolean(),
    });
    assert(
      property(cases, ({ longest, thoughts, maxTokens, isReasoningOpen }) => {
        const vocabulary = new GrowingVocabulary();
        const reader = createAnswerReader({ template: "", reasoningParser: name, tokens: vocabulary });
        const marks = isReasoningOpen ? [] : cut(start, longest);
        const found = answer({
          reader,
          vocabulary,
          thoughts: [...marks, ...thoughts, ...cut(forcedEnd, longest)],
          endTokens: cut(forcedEnd, longest),
          maxTokens,
          isReasoningOpen,
        });
        expect(found.content).toBe("Yes.");
        // The beginning of a mark may have to be taken for reasoning.
        expect(found.count).toBeGreaterThanOrEqual(Math.min(thoughts.length, maxTokens));
        expect(found.count).toBeLessThanOrEqual(maxTokens);
        expect(found.reasoning.startsWith(thoughts.slice(0, maxTokens).join("").trim())).toBe(true);
        if (longest === wholeMark) expect(found.count).toBe(Math.min(thoughts.length, maxTokens));
      }),
      { seed: 10, numRuns: 60 },
    );
  });
});

test("an answer without reasoning is not limited", () => {
  const vocabulary = new GrowingVocabulary();
  const reader = createAnswerReader({ template: "<think>", tokens: vocabulary });
  const thoughts = ["No", ", ", "a", "b", "c", " <think>", "d "];
  const found = answer({ reader, vocabulary, thoughts, endTokens: ["</think>"], maxTokens: 0 });
  expect(found).toEqual({
    reasoning: "",
    content: "No, abc <think>d Yes.",
    count: 0,
    forced: 0,
  });
});

test("the constraint of the content gets the tokens that end the reasoning", () => {
  const vocabulary = new GrowingVocabulary();
  const reader = createAnswerReader({ template: "<think>", tokens: vocabulary });
  const accepted: string[] = [];
  const constraint: ConstraintPort = {
    start: () => ({
      isComplete: false,
      isFinished: false,
      allows: () => true,
      fillMask: (words) => words.fill(0xffffffff),
      accept: (tokenId) => void accepted.push(vocabulary.tokenOf(tokenId) ?? ""),
    }),
  };
  const thoughts = ["<think>", "a", "b", "c"];
  answer({ reader, vocabulary, thoughts, endTokens: ["</think>"], maxTokens: 2, constraint });
  expect(accepted).toEqual(["<think>", "a", "b", "</think>", "Yes."]);
});
