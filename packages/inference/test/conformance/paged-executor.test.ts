import { describe, expect, test } from "vitest";
import { executorCases, type GoldenPrompt } from "../../src/testing.ts";
import { hashLogits } from "../support/fake-executor.ts";
import { createPagedExecutor } from "../support/paged-executor.ts";

const vocabSize = 61;
const greedyCount = 40;

/** What the paged executor answers, from the tokens alone. */
function promptOf(length: number, salt: number): GoldenPrompt {
  const tokenIds = Array.from({ length }, (_, at) => (at * at * 7 + at * salt + salt) % vocabSize);
  const logitsAfter = (tokens: readonly number[]): Float32Array => {
    const row = new Float32Array(vocabSize);
    hashLogits(tokens, row);
    return row;
  };
  const logits = tokenIds.map((_, at) => logitsAfter(tokenIds.slice(0, at + 1)));
  const all = [...tokenIds];
  for (let count = 0; count < greedyCount; count += 1) {
    const row = logitsAfter(all);
    all.push(row.indexOf(Math.max(...row)));
  }
  return { tokenIds, logits, firstPosition: 0, greedyTokenIds: all.slice(length) };
}

describe.each([1, 4, 16])("an executor with pages of %i", (pageTokens) => {
  const contextTokens = 96;
  const cases = executorCases({
    create: async ({ maxSequences }) =>
      createPagedExecutor({
        vocabSize,
        pageTokens,
        pageCount: maxSequences * Math.ceil(contextTokens / pageTokens),
        maxSequences,
        maxLogitRows: 12,
        contextTokens,
      }),
    prompts: [promptOf(9, 3), promptOf(41, 5), promptOf(17, 11)],
    tolerance: 0,
    kvLayout: "pages",
  });
  test.each(cases)("$name", async (conformanceCase) => {
    await expect(conformanceCase.run()).resolves.toBeUndefined();
  });
});
