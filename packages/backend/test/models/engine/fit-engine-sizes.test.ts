import { expect, test } from "vitest";
import { fitEngineSizes, type EngineSizes } from "../../../src/models/engine/fit-engine-sizes.ts";

const planBytes = ({ maxSequences, contextTokens }: EngineSizes): number =>
  1000 + maxSequences * contextTokens;
const undecided = { maxSequences: undefined, contextTokens: undefined };

function fit(budgetBytes: number, requested: Parameters<typeof fitEngineSizes>[0]["requested"] = undecided) {
  return fitEngineSizes({ requested, modelContextTokens: 131_072, budgetBytes, planBytes });
}

test("takes the checkpoint's context and 16 sequences where they fit", () => {
  expect(fit(Number.MAX_SAFE_INTEGER)).toEqual({ maxSequences: 16, contextTokens: 131_072 });
});

test("shortens the context first, down to 8192", () => {
  expect(fit(1000 + 16 * 40_000)).toEqual({ maxSequences: 16, contextTokens: 32_768 });
  expect(fit(1000 + 16 * 8192)).toEqual({ maxSequences: 16, contextTokens: 8192 });
});

test("then takes fewer sequences, then a context of at least 512", () => {
  expect(fit(1000 + 4 * 8192)).toEqual({ maxSequences: 4, contextTokens: 8192 });
  expect(fit(1000 + 3000)).toEqual({ maxSequences: 1, contextTokens: 2048 });
  expect(fit(0)).toEqual({ maxSequences: 1, contextTokens: 512 });
});

test("never changes what was asked for", () => {
  expect(fit(0, { maxSequences: 7, contextTokens: 100_000 })).toEqual({
    maxSequences: 7,
    contextTokens: 100_000,
  });
  expect(fit(1000 + 8 * 4096, { maxSequences: 8, contextTokens: undefined })).toEqual({
    maxSequences: 8,
    contextTokens: 4096,
  });
});
