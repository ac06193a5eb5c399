import { describe, expect, it } from "vitest";
import { createSampler, type Sampler } from "../../src/sampling/sampler.ts";
import { defaultSamplingParams, type SamplingParams } from "../../src/sampling/sampling-params.ts";
import { SamplingState } from "../../src/sampling/sampling-state.ts";
import { PlainMemory } from "../support/plain-memory.ts";

function stateOf(
  params: Partial<SamplingParams>,
  rest: Partial<{
    prompt: number[];
    generated: number[];
    stop: number[];
    minTokens: number;
    index: number;
  }> = {},
): SamplingState {
  const state = new SamplingState({
    params: { ...defaultSamplingParams, ...params, seed: params.seed ?? 1 },
    promptTokenIds: Int32Array.from(rest.prompt ?? []),
    index: rest.index ?? 0,
    stopTokenIds: rest.stop ?? [],
    minTokens: rest.minTokens ?? 0,
  });
  for (const token of rest.generated ?? []) state.accept(token);
  return state;
}

function samplerOf(vocabSize: number, tokenCount: number = vocabSize): Sampler {
  return createSampler({ vocabSize, tokenCount, memory: new PlainMemory(), model: "test" });
}

function softmax(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/**
 * How badly many draws fit expected probabilities: below 1 by chance in 999 of 1000
 * cases, infinite when something was drawn that cannot be.
 */
function misfit(logits: readonly number[], state: SamplingState, expected: readonly number[]): number {
  const sampler = samplerOf(logits.length);
  const drawCount = 40_000;
  const counts = logits.map(() => 0);
  for (let draw = 0; draw < drawCount; draw += 1) {
    counts[sampler.sample(Float32Array.from(logits), state)]! += 1;
  }
  let chiSquare = 0;
  let freedom = -1;
  for (const [id, probability] of expected.entries()) {
    if (probability === 0) {
      if (counts[id]! > 0) return Infinity;
      continue;
    }
    chiSquare += (counts[id]! - probability * drawCount) ** 2 / (probability * drawCount);
    freedom += 1;
  }
  if (freedom === 0) return chiSquare;
  // Wilson and Hilferty's approximation of the 99.9 % point.
  return chiSquare / (freedom * (1 - 2 / (9 * freedom) + 3.09 * Math.sqrt(2 / (9 * freedom))) ** 3);
}

const sampleLogits = [1.5, -0.5, 2.2, 0, 0.9, -3, 2.2, 0.4];

describe("sampling", () => {
  it("is greedy at temperature 0, and takes the lowest of equals", () => {
    const sampler = samplerOf(8);
    expect(sampler.sample(Float32Array.from(sampleLogits), stateOf({ temperature: 0 }))).toBe(2);
  });

  it("follows the model's distribution at temperature 1", () => {
    expect(misfit(sampleLogits, stateOf({}), softmax(sampleLogits))).toBeLessThan(1);
  });

  it("divides by the temperature", () => {
    const scaled = (temperature: number): number[] =>
      softmax(sampleLogits.map((logit) => logit / temperature));
    expect(misfit(sampleLogits, stateOf({ temperature: 0.4 }), scaled(0.4))).toBeLessThan(1);
    expect(misfit(sampleLogits, stateOf({ temperature: 2 }), scaled(2))).toBeLessThan(1);
  });

  it("is greedy at a temperature that is nearly 0, and stays finite", () => {
    const logits = [1, 80, -80, 79.9];
    expect(misfit(logits, stateOf({ temperature: 1e-300 }), [0, 1, 0, 0])).toBeLessThan(1);
  });

  it("keeps the k largest with topK", () => {
    const kept = sampleLogits.map((logit, id) => ([2, 6, 0].includes(id) ? logit : -Infinity));
    expect(misfit(sampleLogits, stateOf({ topK: 3 }), softmax(kept))).toBeLessThan(1);
    expect(misfit(sampleLogits, stateOf({ topK: 1 }), [0, 0, 1, 0, 0, 0, 0, 0])).toBeLessThan(1);
    expect(misfit(sampleLogits, stateOf({ topK: 1000 }), softmax(sampleLogits))).toBeLessThan(1);
  });

  it("keeps the nucleus with topP", () => {
    // Probabilities 0.5, 0.3, 0.15, 0.05.
    const logits = [0.15, 0.5, 0.05, 0.3].map(Math.log);
    expect(misfit(logits, stateOf({ topP: 0.49 }), [0, 1, 0, 0])).toBeLessThan(1);
    expect(misfit(logits, stateOf({ topP: 0.6 }), [0, 0.625, 0, 0.375])).toBeLessThan(1);
    expect(misfit(logits, stateOf({ topP: 0.94 }), [0.15 / 0.95, 0.5 / 0.95, 0, 0.3 / 0.95])).toBeLessThan(1);
  });

  it.each([
    [0, 0],
    [0.25 - 2 ** -53, 0],
    [0.25, 1],
    [0.75, 3],
    [1 - 2 ** -53, 3],
  ])("draws of four equal tokens at %f the token %i", (uniform, tokenId) => {
    const state = Object.assign(stateOf({}), { random: { nextUniform: () => uniform } });
    expect(samplerOf(4).sample(new Float32Array(4), state)).toBe(tokenId);
  });

  it("drops tokens less likely than minP times the likeliest", () => {
    const logits = [0.15, 0.5, 0.05, 0.3].map(Math.log);
    expect(misfit(logits, stateOf({ minP: 0.4 }), [0, 0.625, 0, 0.375])).toBeLessThan(1);
    expect(misfit(logits, stateOf({ minP: 1 }), [0, 1, 0, 0])).toBeLessThan(1);
  });

  it("filters in vLLM's order: temperature, minP, topK, then topP of the rest", () => {
    // 0.4, 0.3, 0.2, 0.1: of the first two, 0.4/0.7 = 0.571 is a nucleus of 0.55; of all four it is not.
    const logits = [0.4, 0.3, 0.2, 0.1].map(Math.log);
    expect(misfit(logits, stateOf({ topK: 2, topP: 0.55 }), [1, 0, 0, 0])).toBeLessThan(1);
    expect(misfit(logits, stateOf({ minP: 0.7, topP: 0.55 }), [1, 0, 0, 0])).toBeLessThan(1);
    expect(misfit(logits, stateOf({ topP: 0.55 }), [4 / 7, 3 / 7, 0, 0])).toBeLessThan(1);
    // At temperature 1/2 the weights are 16, 9, 4, 1: minP 0.6 leaves one where at 1 it leaves two.
    expect(misfit(logits, stateOf({ temperature: 0.5, minP: 0.6 }), [1, 0, 0, 0])).toBeLessThan(1);
    expect(misfit(logits, stateOf({ minP: 0.6 }), [4 / 7, 3 / 7, 0, 0])).toBeLessThan(1);
  });

  it("draws the same tokens from one seed, and others from another seed or answer", () => {
    const draw = (seed: number, index: number): string => {
      const sampler = samplerOf(8);
      const state = stateOf({ seed }, { index });
      return Array.from({ length: 30 }, () => sampler.sample(Float32Array.from(sampleLogits), state)).join(
        "",
      );
    };
    expect(draw(3, 0)).toBe(draw(3, 0));
    expect(draw(3, 0)).not.toBe(draw(4, 0));
    expect(draw(3, 0)).not.toBe(draw(3, 1));
  });

  it("never samples ids without a token", () => {
    const sampler = samplerOf(4, 2);
    expect(sampler.sample(Float32Array.of(1, 0, 9, 9), stateOf({ temperature: 0 }))).toBe(0);
    const state = stateOf({});
    for (let draw = 0; draw < 50; draw += 1) {
      expect(sampler.sample(Float32Array.of(1, 0, 9, 9), state)).toBeLessThan(2);
    }
  });

  it.each([
    ["NaN first", [Number.NaN, 1, 2]],
    ["NaN last", [3, 1, Number.NaN]],
    ["an infinite one", [1, Infinity, 0]],
    ["nothing possible", [-Infinity, -Infinity, -Infinity]],
  ])("refuses logits with %s", (_, logits) => {
    for (const temperature of [0, 1]) {
      expect(() => samplerOf(3).sample(Float32Array.from(logits), stateOf({ temperature }))).toThrow(
        expect.objectContaining({ code: "EXECUTOR_FAILED" }),
      );
    }
  });

  it("allows tokens that the model rules out", () => {
    expect(misfit([-Infinity, 0, 0], stateOf({}), [0, 0.5, 0.5])).toBeLessThan(1);
  });

  it("frees its memory", () => {
    const memory = new PlainMemory();
    const sampler = createSampler({ vocabSize: 10, memory, model: "test" });
    expect(memory.liveBlockCount).toBe(1);
    sampler.dispose();
    expect(memory.liveBlockCount).toBe(0);
  });
});

describe("adjusted logits", () => {
  const adjusted = (logits: number[], state: SamplingState): number[] => {
    const row = Float32Array.from(logits);
    samplerOf(logits.length).sample(row, state);
    return [...row];
  };

  it("lowers generated tokens by presence once and by frequency each time", () => {
    const state = stateOf(
      { presencePenalty: 0.5, frequencyPenalty: 0.25 },
      { prompt: [0], generated: [1, 2, 2] },
    );
    expect(adjusted([1, 1, 1, 1], state)).toEqual([1, 0.25, 0, 1]);
  });

  it("weakens repeated tokens of prompt and answer, on both sides of 0", () => {
    const state = stateOf({ repetitionPenalty: 2 }, { prompt: [0, 1, 0], generated: [2] });
    expect(adjusted([3, -3, 4, 5], state)).toEqual([1.5, -6, 2, 5]);
  });

  it("keeps every logit a number, however extreme the penalty", () => {
    for (const repetitionPenalty of [5e-324, 1e-40, 1e308]) {
      const state = stateOf({ repetitionPenalty }, { prompt: [0, 1, 2, 4], generated: [2] });
      const row = adjusted([3, -3, -0, 5, -Infinity], state);
      expect(row.slice(0, 4).every(Number.isFinite)).toBe(true);
      expect(row[4]).toBe(-Infinity);
    }
  });

  it("counts generated tokens for presence and frequency, not the prompt", () => {
    const params = { repetitionPenalty: 2, presencePenalty: 0.5, frequencyPenalty: 0.25 };
    const state = stateOf(params, { prompt: [0, 0], generated: [1] });
    expect(adjusted([4, 4, 4], state)).toEqual([2, 1.25, 4]);
  });

  it("adds the bias before the penalties", () => {
    const state = stateOf(
      { repetitionPenalty: 2, presencePenalty: 1, logitBias: new Map([[0, 3]]) },
      { generated: [0] },
    );
    expect(adjusted([-1, 0], state)).toEqual([0, 0]);
  });

  it("forbids stop tokens until there are enough tokens, also greedily", () => {
    const state = stateOf({ temperature: 0 }, { stop: [1, 3], minTokens: 2 });
    const sampler = samplerOf(4);
    const next = (): number => sampler.sample(Float32Array.of(0, 9, 1, 9), state);
    expect([next(), next(), next()]).toEqual([2, 2, 1]);
  });

  it("grows with the vocabulary that was used", () => {
    const generated = Array.from({ length: 500 }, (_, at) => at % 250);
    const state = stateOf({ frequencyPenalty: 1 }, { generated });
    const row = adjusted(
      Array.from({ length: 300 }, () => 0),
      state,
    );
    expect(row.slice(0, 250).every((logit) => logit === -2)).toBe(true);
    expect(row.slice(250).every((logit) => logit === 0)).toBe(true);
  });
});

describe("log-probabilities", () => {
  it("are the model's own, before bias, penalties and temperature", () => {
    const sampler = samplerOf(8);
    const state = stateOf({ temperature: 0, logitBias: new Map([[5, 100]]), repetitionPenalty: 3 });
    const sampled = sampler.sampleWithLogprobs(Float32Array.from(sampleLogits), state, 3);
    const logs = softmax(sampleLogits).map(Math.log);
    expect(sampled.tokenId).toBe(5);
    expect(sampled.logprob).toBeCloseTo(logs[5]!, 6);
    expect(sampled.rank).toBe(logs.filter((each) => each >= logs[5]!).length);
    expect(sampled.top.map((candidate) => candidate.tokenId)).toEqual([2, 6, 0]);
    for (const candidate of sampled.top) expect(candidate.logprob).toBeCloseTo(logs[candidate.tokenId]!, 6);
  });

  it("stay finite and exact for logits far from 0", () => {
    const logits = [1e4, 1e4 - 1, -1e4, 9990];
    const sampled = samplerOf(4).sampleWithLogprobs(
      Float32Array.from(logits),
      stateOf({ temperature: 0 }),
      4,
    );
    expect(sampled.tokenId).toBe(0);
    expect(sampled.logprob).toBeCloseTo(-0.313295, 5);
    expect(sampled.top.map(({ tokenId }) => tokenId)).toEqual([0, 1, 3, 2]);
    expect(sampled.top[0]!.logprob).toBe(sampled.logprob);
    expect(sampled.top[2]!.logprob).toBeCloseTo(-10.313295, 5);
    expect(sampled.top[3]!.logprob).toBeCloseTo(-20_000.3133, 3);
  });

  it("come without alternatives when none are requested", () => {
    const sampled = samplerOf(8).sampleWithLogprobs(Float32Array.from(sampleLogits), stateOf({}), 0);
    expect(sampled.top).toEqual([]);
  });
});
