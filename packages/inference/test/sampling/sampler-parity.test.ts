import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createSampler } from "../../src/sampling/sampler.ts";
import { defaultSamplingParams } from "../../src/sampling/sampling-params.ts";
import { SamplingState } from "../../src/sampling/sampling-state.ts";
import { PlainMemory } from "../support/plain-memory.ts";

interface Params {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  readonly logitBias: readonly (readonly [number, number])[];
  readonly stopTokenIds: readonly number[];
  readonly minTokens: number;
  readonly prompt: readonly number[];
  readonly generated: readonly number[];
}

interface Golden {
  readonly logits: readonly (readonly number[])[];
  readonly cases: readonly (Params & {
    readonly logits: number;
    readonly probabilities: readonly number[];
  })[];
  readonly large: readonly (Partial<Params> & {
    readonly likeliest: readonly (readonly [number, number])[];
  })[];
}

const offParams: Params = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: [],
  stopTokenIds: [],
  minTokens: 0,
  prompt: [],
  generated: [],
};

const path = new URL("../../../../test/fixtures/golden/sampler.json", import.meta.url);
const golden = JSON.parse(readFileSync(path, "utf8")) as Golden;

/**
 * How often each token is chosen when the random numbers are the middles of `drawCount` equal parts of
 * [0, 1): the probability times `drawCount`, give or take one.
 */
function choices(logits: Float32Array, params: Params, drawCount: number): Map<number, number> {
  const sampler = createSampler({ vocabSize: logits.length, memory: new PlainMemory(), model: "test" });
  const counts = new Map<number, number>();
  for (let draw = 0; draw < drawCount; draw += 1) {
    const state = new SamplingState({
      params: { ...defaultSamplingParams, ...params, logitBias: new Map(params.logitBias), seed: 0 },
      promptTokenIds: Int32Array.from(params.prompt),
      index: 0,
      stopTokenIds: params.stopTokenIds,
      minTokens: params.minTokens,
    });
    for (const tokenId of params.generated) state.accept(tokenId);
    state.random.nextUniform = () => (draw + 0.5) / drawCount;
    const tokenId = sampler.sample(logits.slice(), state);
    counts.set(tokenId, (counts.get(tokenId) ?? 0) + 1);
  }
  return counts;
}

function title(params: Partial<Params>): string {
  const changed = Object.entries(offParams).filter(([name, off]) => {
    const value: unknown = params[name as keyof Params];
    return value !== undefined && JSON.stringify(value) !== JSON.stringify(off);
  });
  return changed.map(([name]) => `${name} ${JSON.stringify(params[name as keyof Params])}`).join(", ");
}

describe("the next token's probabilities equal those of transformers' logits processors", () => {
  const cases = golden.cases.map((item, at) => [`${at}: ${title(item)}`, item] as const);
  it.each(cases)("%s", (_, { logits, probabilities, ...params }) => {
    const drawCount = 1000;
    const counts = choices(Float32Array.from(golden.logits[logits]!), params, drawCount);
    for (const [tokenId, probability] of probabilities.entries()) {
      const count = counts.get(tokenId) ?? 0;
      if (probability === 0) expect(count).toBe(0);
      expect(Math.abs(count - probability * drawCount)).toBeLessThan(1.01);
    }
  });

  it.each(golden.large.map((item) => [title(item), item] as const))(
    "of 150,000 tokens, %s",
    (_, { likeliest, ...params }) => {
      const drawCount = 100;
      const logits = Float32Array.from(
        { length: 150_000 },
        (__, id) => 12 * (((id * 7919) % 150_001) / 150_001) ** 16,
      );
      const counts = choices(logits, { ...offParams, ...params }, drawCount);
      for (const [tokenId, probability] of likeliest) {
        expect(Math.abs((counts.get(tokenId) ?? 0) - probability * drawCount)).toBeLessThan(1.01);
      }
    },
  );
});
