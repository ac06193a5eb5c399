import { expect, it } from "vitest";
import type { ConstraintStatePort } from "../../src/index.ts";
import { maskLogits } from "../../src/sampling/mask-logits.ts";
import { createSampler } from "../../src/sampling/sampler.ts";
import { defaultSamplingParams, type SamplingParams } from "../../src/sampling/sampling-params.ts";
import { SamplingState } from "../../src/sampling/sampling-state.ts";
import { PlainMemory } from "../support/plain-memory.ts";

interface FixedConstraint extends ConstraintStatePort {
  readonly accepted: number[];
}

/** Allows the same tokens at each step. */
function allowOnly(ids: readonly number[], isComplete = false): FixedConstraint {
  const accepted: number[] = [];
  return {
    accepted,
    isComplete,
    isFinished: false,
    allows: (id) => ids.includes(id),
    fillMask: (words) => {
      for (const id of ids) words[id >>> 5] = words[id >>> 5]! | (1 << (id & 31));
    },
    accept: (id) => accepted.push(id),
  };
}

function stateOf(
  constraint: ConstraintStatePort | undefined,
  params: Partial<SamplingParams> = {},
  stopTokenIds: readonly number[] = [],
): SamplingState {
  return new SamplingState({
    params: { ...defaultSamplingParams, ...params, seed: 3 },
    promptTokenIds: Int32Array.of(1),
    index: 0,
    stopTokenIds,
    minTokens: 0,
    constraint,
  });
}

function ramp(length: number): Float32Array {
  return Float32Array.from({ length }, (_, id) => id / 7);
}

// Lengths around a word of the mask.
it.each([1, 31, 32, 33, 64, 97])("masks each of %i tokens but those that are allowed", (length) => {
  for (let allowed = 0; allowed < length; allowed += 1) {
    const row = ramp(length);
    maskLogits(row, stateOf(allowOnly([allowed])), new Uint32Array(Math.ceil(length / 32)).fill(0xffff));
    expect(Array.from(row, (logit) => logit !== -Infinity)).toEqual(
      Array.from({ length }, (_, id) => id === allowed),
    );
    expect(row[allowed]).toBe(ramp(length)[allowed]);
  }
});

it("lets an answer end only where its constraint is complete", () => {
  const words = new Uint32Array(2);
  const open = ramp(40);
  maskLogits(open, stateOf(allowOnly([3]), {}, [39]), words);
  expect(open[39]).toBe(-Infinity);
  const complete = ramp(40);
  maskLogits(complete, stateOf(allowOnly([3], true), {}, [39]), words);
  expect(complete[39]).toBe(ramp(40)[39]);
});

it("fails where no token is allowed, instead of generating outside the constraint", () => {
  const fail = (): void => maskLogits(ramp(40), stateOf(allowOnly([])), new Uint32Array(2));
  expect(fail).toThrow(expect.objectContaining({ code: "CONSTRAINT_DEAD_END" }));
});

it.each([
  { name: "greedy", params: { temperature: 0 } },
  {
    name: "greedy with a bias for another token",
    params: { temperature: 0, logitBias: new Map([[50, 100]]) },
  },
  { name: "sampled", params: { temperature: 2 } },
  { name: "sampled from the likeliest", params: { temperature: 2, topK: 2, topP: 0.9 } },
  { name: "penalised", params: { temperature: 1, repetitionPenalty: 1.5, presencePenalty: 2 } },
])("samples allowed tokens only: $name", ({ params }) => {
  const allowed = [0, 5, 33, 40];
  const constraint = allowOnly(allowed);
  const state = stateOf(constraint, params);
  using sampler = createSampler({ vocabSize: 60, memory: new PlainMemory(), model: "test" });
  const drawn = Array.from({ length: 200 }, () => sampler.sample(ramp(60), state));
  expect(drawn.filter((id) => !allowed.includes(id))).toEqual([]);
  expect(constraint.accepted).toEqual(drawn);
});

it("takes the likeliest of the allowed tokens at temperature 0, with its own log-probability", () => {
  using sampler = createSampler({ vocabSize: 60, memory: new PlainMemory(), model: "test" });
  const state = stateOf(allowOnly([2, 31, 44]), { temperature: 0 });
  const logits = ramp(60);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
  const sampled = sampler.sampleWithLogprobs(ramp(60), state, 1);
  expect(sampled.tokenId).toBe(44);
  expect(sampled.logprob).toBeCloseTo(logits[44]! - Math.log(total), 5);
  expect(sampled.top[0]?.tokenId).toBe(59);
});

it("generates the tokens of a list only, those of its constraint among them, and ends only where the list says so", () => {
  const allowedTokenIds = [4, 35, 50];
  using sampler = createSampler({ vocabSize: 60, memory: new PlainMemory(), model: "test" });
  const draw = (state: SamplingState): Set<number> =>
    new Set(Array.from({ length: 200 }, () => sampler.sample(new Float32Array(60), state)));
  expect(draw(stateOf(undefined, { allowedTokenIds }, [59]))).toEqual(new Set(allowedTokenIds));
  expect(draw(stateOf(undefined, { allowedTokenIds: [4, 59] }, [59]))).toEqual(new Set([4, 59]));
  expect(draw(stateOf(allowOnly([3, 4, 50]), { allowedTokenIds }))).toEqual(new Set([4, 50]));
  const none = stateOf(allowOnly([3]), { allowedTokenIds });
  expect(() => sampler.sample(new Float32Array(60), none)).toThrow(
    expect.objectContaining({ code: "CONSTRAINT_DEAD_END" }),
  );
});
