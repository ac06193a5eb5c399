import assert from "node:assert/strict";
import { InferenceError, type InferenceErrorCode } from "../errors.ts";
import type { GoldenPrompt } from "./executor-cases.ts";
import type { GreedySequence } from "./forward-driver.ts";

/** Fails where a sequence did not generate the tokens of the reference. */
export function assertGenerated(
  sequences: readonly GreedySequence[],
  prompts: readonly GoldenPrompt[],
): void {
  for (const [index, sequence] of sequences.entries()) {
    const expected = prompts[index]?.greedyTokenIds ?? [];
    const count = Math.min(expected.length, sequence.generated.length);
    assert.ok(count > 1);
    assert.deepEqual(sequence.generated.slice(0, count), expected.slice(0, count));
  }
}

/** Fails where logits differ by more than `tolerance`, relative to the largest. */
export function assertClose(
  actual: Float32Array | undefined,
  expected: Float32Array | undefined,
  tolerance: number,
): void {
  assert.ok(actual !== undefined && expected !== undefined, "expected two rows of logits, got one");
  assert.equal(actual.length, expected.length);
  const largest = expected.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
  for (const [index, logit] of actual.entries()) {
    const difference = Math.abs(logit - (expected[index] ?? Number.NaN)) / largest;
    // NaN fails too.
    assert.ok(difference <= tolerance, `logit ${index}: expected ${expected[index]}, got ${logit}`);
  }
}

/** Fails unless `run` throws an error with the code. */
export async function assertRejects(run: () => unknown, code: InferenceErrorCode): Promise<void> {
  try {
    await run();
  } catch (error) {
    assert.ok(error instanceof InferenceError, String(error));
    assert.equal(error.code, code);
    return;
  }
  assert.fail(`expected an error ${code}, got none`);
}

/** Finds the longest prompt. */
export function longest(prompts: readonly GoldenPrompt[]): GoldenPrompt {
  const [prompt] = prompts.toSorted((a, b) => b.tokenIds.length - a.tokenIds.length);
  assert.ok(prompt !== undefined, "expected prompts, got none");
  return prompt;
}
