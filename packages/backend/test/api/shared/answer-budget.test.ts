import { expect, test } from "vitest";
import { answerBytes, answerMemory, largestAnswerBytes } from "../../../src/models/answer-memory.ts";
import { createAnswerBudget } from "../../../src/api/shared/answer-budget.ts";

const size = { answerCount: 2, maxTokens: 100, candidateCount: 21, echoedTokens: 0, param: "n" };

test("reserves until it is given back, once", () => {
  const budget = createAnswerBudget();
  const limitBytes = answerBytes(size) * 1.5;
  const release = budget.reserve(size, limitBytes);
  expect(() => budget.reserve(size, limitBytes)).toThrow(
    expect.objectContaining({ status: 429, code: "queue_full" }),
  );
  release();
  release();
  expect(budget.reservedBytes).toBe(0);
  budget.reserve(size, limitBytes);
});

test("rejects for good what is larger than all of it, and names the field", () => {
  const budget = createAnswerBudget();
  expect(() => budget.reserve(size, answerBytes(size) - 1)).toThrow(
    expect.objectContaining({ status: 400, param: "n" }),
  );
  expect(budget.reservedBytes).toBe(0);
});

test("counts log-probabilities, further answers and echoed prompts", () => {
  const plain = { ...size, answerCount: 1, candidateCount: 0 };
  expect(answerBytes(plain)).toBe(0);
  expect(answerBytes({ ...plain, answerCount: 2 })).toBe(2 * 100 * 16);
  expect(answerBytes(size)).toBe(2 * 100 * (21 * 24 + 16));
  expect(answerBytes({ ...size, echoedTokens: 50 })).toBe(250 * (21 * 24 + 16));
});

test("has room for one answer of the whole context, and takes a share of what may be used", () => {
  const { least, preferred } = answerMemory(undefined, 2 ** 30);
  expect(least(1000)).toBe(largestAnswerBytes(1000));
  expect(preferred(1000)).toBe(2 ** 27);
  expect(preferred(10 ** 6)).toBe(largestAnswerBytes(10 ** 6));
  const set = answerMemory(5 * 2 ** 20, 2 ** 30);
  expect([set.least(10 ** 6), set.preferred(10)]).toEqual([5 * 2 ** 20, 5 * 2 ** 20]);
});
