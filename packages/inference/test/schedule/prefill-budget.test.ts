import { describe, expect, it } from "vitest";
import { createPrefillBudget, type PrefillBudget } from "../../src/schedule/prefill-budget.ts";

/** Runs steps of prompts at a constant speed, and answers how many tokens each had. */
function run(prefillBudget: PrefillBudget, stepCount: number, msPerToken: number): number[] {
  return Array.from({ length: stepCount }, () => {
    const { stepTokens } = prefillBudget;
    prefillBudget.observe({
      prefillTokenCount: stepTokens,
      decodeTokenCount: 0,
      forwardMs: stepTokens * msPerToken,
    });
    return stepTokens;
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
    expect(prefillBudget.stepTokens).toBe(96);
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
    expect(prefillBudget.stepTokens).toBe(48);
    run(prefillBudget, 10, 0.1);
    expect(prefillBudget.stepTokens).toBe(256);
  });

  it("does not count the time of decodes beside a prompt", () => {
    const prefillBudget = createPrefillBudget({ targetMs: 100, maxTokens: 256 });
    for (let step = 0; step < 10; step += 1) {
      prefillBudget.observe({ prefillTokenCount: 0, decodeTokenCount: 16, forwardMs: 200 });
    }
    for (let step = 0; step < 6; step += 1) {
      const { stepTokens } = prefillBudget;
      prefillBudget.observe({
        prefillTokenCount: stepTokens,
        decodeTokenCount: 16,
        forwardMs: 200 + stepTokens * 0.1,
      });
    }
    expect(prefillBudget.stepTokens).toBe(256);
  });

  it("takes nothing off for decodes where there were none", () => {
    const prefillBudget = createPrefillBudget({ targetMs: 100, maxTokens: 256 });
    for (let step = 0; step < 10; step += 1) {
      prefillBudget.observe({ prefillTokenCount: 0, decodeTokenCount: 16, forwardMs: 200 });
    }
    run(prefillBudget, 5, 1);
    expect(prefillBudget.stepTokens).toBe(96);
  });

  it("learns nothing from the short rest of a prompt", () => {
    const prefillBudget = createPrefillBudget({ targetMs: 100, maxTokens: 256 });
    run(prefillBudget, 6, 0.1);
    prefillBudget.observe({ prefillTokenCount: 2, decodeTokenCount: 0, forwardMs: 50 });
    expect(prefillBudget.stepTokens).toBe(256);
  });
});
