import assert from "node:assert/strict";
import { InferenceError, type InferenceErrorCode } from "../errors.ts";
import type { GoldenPrompt } from "./executor-cases.ts";
import type { GreedySequence } from "./forward-driver.ts";

/** What was generated is what the reference generates, as far as it goes. */
export function assertGenerated(
  sequences: readonly GreedySequence[],
  prompts: readonly GoldenPrompt[],
): void {
  for (const [index, sequence] of sequences.entries()) {
    const wanted = prompts[index]?.greedyTokenIds ?? [];
    const count = Math.min(wanted.length, sequence.generated.length);
    assert.ok(count > 1);
    assert.deepEqual(sequence.generated.slice(0, count), wanted.slice(0, count));
  }
}

/** Fails where logits differ by more than a share of the largest. */
export function assertClose(
  found: Float32Array | undefined,
  wanted: Float32Array | undefined,
  tolerance: number,
): void {
  assert.ok(found !== undefined && wanted !== undefined, "a row of logits is missing");
  assert.equal(found.length, wanted.length);
  const largest = wanted.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
  for (const [index, logit] of found.entries()) {
    const difference = Math.abs(logit - (wanted[index] ?? Number.NaN)) / largest;
    // A difference that is not a number must fail too.
    assert.ok(difference <= tolerance, `logit ${index} must be ${wanted[index]}; found ${logit}`);
  }
}

/** Fails where nothing fails, or with another code. */
export async function assertRejects(run: () => unknown, code: InferenceErrorCode): Promise<void> {
  try {
    await run();
  } catch (error) {
    assert.ok(error instanceof InferenceError, String(error));
    assert.equal(error.code, code);
    return;
  }
  assert.fail(`must fail with ${code}; it did not`);
}

/** The longest prompt. */
export function longest(prompts: readonly GoldenPrompt[]): GoldenPrompt {
  const [prompt] = prompts.toSorted((a, b) => b.tokenIds.length - a.tokenIds.length);
  assert.ok(prompt !== undefined, "the suite needs prompts");
  return prompt;
}
