import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPrefillBudget, type PrefillBudget } from "../../src/schedule/prefill-budget.ts";

/** Runs steps at a constant speed, as long as those beside decodes, and answers how many prompt tokens each had. */
function run(prefillBudget: PrefillBudget, stepCount: number, msPerToken: number): number[] {
  return runSteps(prefillBudget, stepCount, (budget) => [budget.mixedTokens, msPerToken]);
}

/** Runs steps of prompts beside which nothing decodes. */
function runPrefillOnly(prefillBudget: PrefillBudget, stepCount: number, msPerToken: number): number[] {
  return runSteps(prefillBudget, stepCount, (budget) => [budget.prefillOnlyTokens, msPerToken]);
}

function runSteps(
  prefillBudget: PrefillBudget,
  stepCount: number,
  next: (budget: PrefillBudget) => readonly [tokens: number, msPerToken: number],
): number[] {
  return Array.from({ length: stepCount }, () => {
    const [tokens, msPerToken] = next(prefillBudget);
    const forwardMs = tokens * msPerToken;
    prefillBudget.observe({ prefillTokenCount: tokens, decodeTokenCount: 0, forwardMs });
    return tokens;
  });
}

describe("createPrefillBudget", () => {
  it("grows to the step's limit when steps are fast enough", () => {
    const prefillBudget = createPrefillBudget({ targetMs: 100, maxTokens: 256 });
    expect(run(prefillBudget, 5, 0.1)).toEqual([32, 64, 128, 256, 256]);
  });

  it("stays where steps take as long as they should", () => {
    const prefillBudget = createPrefillBudget({ targetMs: 100, maxTokens: 256 });
    run(prefillBudget, 5, 1);
    expect(prefillBudget.mixedTokens).toBe(96);
  });

  it("is at least 32 tokens, or the step's limit", () => {
    const slow = createPrefillBudget({ targetMs: 100, maxTokens: 256 });
    expect(run(slow, 4, 1000)).toEqual([32, 32, 32, 32]);
    const small = createPrefillBudget({ targetMs: 100, maxTokens: 8 });
    expect(run(small, 3, 0.01)).toEqual([8, 8, 8]);
  });

  it("shrinks within a few steps when the machine becomes slower, and grows again", () => {
    const prefillBudget = createPrefillBudget({ targetMs: 100, maxTokens: 256 });
    run(prefillBudget, 6, 0.1);
    run(prefillBudget, 6, 2);
    expect(prefillBudget.mixedTokens).toBe(48);
    run(prefillBudget, 10, 0.1);
    expect(prefillBudget.mixedTokens).toBe(256);
  });

  it("does not count the time of decodes beside a prompt", () => {
    const prefillBudget = createPrefillBudget({ targetMs: 100, maxTokens: 256 });
    for (let step = 0; step < 10; step += 1) {
      prefillBudget.observe({ prefillTokenCount: 0, decodeTokenCount: 16, forwardMs: 200 });
    }
    for (let step = 0; step < 6; step += 1) {
      const { mixedTokens } = prefillBudget;
      prefillBudget.observe({
        prefillTokenCount: mixedTokens,
        decodeTokenCount: 16,
        forwardMs: 200 + mixedTokens * 0.1,
      });
    }
    expect(prefillBudget.mixedTokens).toBe(256);
  });

  it("takes nothing off for decodes where there were none", () => {
    const prefillBudget = createPrefillBudget({ targetMs: 100, maxTokens: 256 });
    for (let step = 0; step < 10; step += 1) {
      prefillBudget.observe({ prefillTokenCount: 0, decodeTokenCount: 16, forwardMs: 200 });
    }
    run(prefillBudget, 5, 1);
    expect(prefillBudget.mixedTokens).toBe(96);
  });

  it("learns nothing from the short rest of a prompt", () => {
    const prefillBudget = createPrefillBudget({ targetMs: 100, maxTokens: 256 });
    run(prefillBudget, 6, 0.1);
    prefillBudget.observe({ prefillTokenCount: 2, decodeTokenCount: 0, forwardMs: 50 });
    expect(prefillBudget.mixedTokens).toBe(256);
  });

  it("gives four times as long where nobody waits for a token", () => {
    const prefillBudget = createPrefillBudget({ targetMs: 100, maxTokens: 256 });
    // A model of 1.1 billion parameters in 8 bits on two cores.
    expect(runPrefillOnly(prefillBudget, 5, 3.1)).toEqual([32, 64, 128, 128, 128]);
    expect(prefillBudget.mixedTokens).toBe(32);
    run(prefillBudget, 5, 3.1);
    expect(prefillBudget.prefillOnlyTokens).toBe(128);
    // In 4 bits.
    run(prefillBudget, 10, 5.75);
    expect([prefillBudget.mixedTokens, prefillBudget.prefillOnlyTokens]).toEqual([32, 64]);
  });

  it("keeps what it learned for the next prompt", () => {
    const prefillBudget = createPrefillBudget({ targetMs: 100, maxTokens: 256 });
    runPrefillOnly(prefillBudget, 4, 1);
    prefillBudget.observe({ prefillTokenCount: 5, decodeTokenCount: 0, forwardMs: 30 });
    for (let step = 0; step < 100; step += 1) {
      prefillBudget.observe({ prefillTokenCount: 0, decodeTokenCount: 1, forwardMs: 20 });
    }
    expect(runPrefillOnly(prefillBudget, 2, 1)).toEqual([256, 256]);
  });

  it("never exceeds its targets at any speed measured, but for the least step", () => {
    const steps = fc.array(
      fc.record({ isMixed: fc.boolean(), msPerToken: fc.double({ min: 0.01, max: 50, noNaN: true }) }),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(
        steps,
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 1, max: 1024 }),
        (list, targetMs, maxTokens) => {
          const prefillBudget = createPrefillBudget({ targetMs, maxTokens });
          const leastTokens = Math.min(32, maxTokens);
          let longestTokens = leastTokens / 2;
          let fastest = Number.POSITIVE_INFINITY;
          for (const { isMixed, msPerToken } of list) {
            const { mixedTokens, prefillOnlyTokens } = prefillBudget;
            expect(mixedTokens).toBeLessThanOrEqual(prefillOnlyTokens);
            expect(mixedTokens).toBeGreaterThanOrEqual(leastTokens);
            expect(mixedTokens).toBeLessThanOrEqual(Math.max(leastTokens, targetMs / fastest));
            expect(prefillOnlyTokens).toBeLessThanOrEqual(Math.max(leastTokens, (4 * targetMs) / fastest));
            expect(prefillOnlyTokens).toBeLessThanOrEqual(Math.min(maxTokens, 2 * longestTokens));
            const tokens = isMixed ? mixedTokens : prefillOnlyTokens;
            const forwardMs = tokens * msPerToken;
            prefillBudget.observe({ prefillTokenCount: tokens, decodeTokenCount: 0, forwardMs });
            longestTokens = Math.max(longestTokens, tokens);
            fastest = Math.min(fastest, msPerToken);
          }
        },
      ),
    );
  });
});
