import { expect, it } from "vitest";
import { createRandom } from "../../../../../../benchmarks/lib/random.ts";
import { createSampler } from "../../../../src/sampling/sampler.ts";
import { defaultSamplingParams, type SamplingParams } from "../../../../src/sampling/sampling-params.ts";
import { RandomStream } from "../../../../src/sampling/random-stream.ts";
import { SamplingState } from "../../../../src/sampling/sampling-state.ts";
import { PlainMemory } from "../../../support/plain-memory.ts";
import { sample } from "../../../../src/executors/cuda/kernels/manifests/sample.ts";
import { describeKernels } from "./kernel-device.ts";

const [vocab, tokenCount] = [1500, 1490];

/** Rows of a few shapes: most of the weight on few tokens, on many, on equal ones. */
function randomRow(random: () => number, kind: number): Float32Array {
  const spread = [2, 12, 0.5, 40][kind % 4]!;
  const row = Float32Array.from({ length: vocab }, () => spread * (random() + random() + random() - 1.5));
  if (kind % 3 === 0) row.forEach((logit, id) => (row[id] = Math.round(logit)));
  if (kind % 5 === 0) row.forEach((_, id) => id % 7 !== 3 && (row[id] = -Infinity));
  return row;
}

const requests: readonly Partial<SamplingParams>[] = [
  {},
  { temperature: 0 },
  { temperature: 0.7, topP: 0.9 },
  { temperature: 1.3, topK: 40 },
  { topK: 1 },
  { topK: 5, topP: 0.5 },
  { temperature: 2, topK: 1400, topP: 0.999 },
  { minP: 0.05 },
  { temperature: 0.01, minP: 0.2, topP: 0.01 },
  { temperature: 1.5, minP: 0.001, topK: 300, topP: 0.8 },
];

describeKernels([sample], (open) => {
  it("draws the tokens that the host's sampler draws", () => {
    using kernels = open();
    const random = createRandom(8);
    using sampler = createSampler({ vocabSize: vocab, tokenCount, memory: new PlainMemory(), model: "m" });
    const rows = requests.flatMap((params, at) =>
      [0, 1, 2, 3].map((draw) => ({
        params: { ...defaultSamplingParams, ...params, seed: draw },
        logits: randomRow(random, at + 3 * draw),
      })),
    );
    const parameters = rows.flatMap(({ params: { temperature, minP, topP, seed } }) => {
      const floor = minP > 0 ? Math.max(Math.log(minP), -50) : -50;
      return [temperature, floor, topP, new RandomStream(seed, 0).nextUniform()];
    });
    const count = rows.length;
    const tokens = kernels.put(new Int32Array(count).fill(-9));
    kernels.launch(
      "sample",
      { grid: [count + 1], block: 512 },
      tokens,
      kernels.put(new Int32Array(2 * count)),
      kernels.put(Float32Array.from(rows.flatMap(({ logits }) => [...logits]))),
      kernels.put(Float64Array.from(parameters)),
      kernels.put(Int32Array.from(rows, ({ params }) => params.topK)),
      kernels.put(Int32Array.of(count)),
      1,
      vocab,
      tokenCount,
    );
    const expected = rows.map(({ params, logits }) => {
      const state = new SamplingState({
        params,
        promptTokenIds: new Int32Array(0),
        index: 0,
        stopTokenIds: [],
        minTokens: 0,
      });
      return sampler.sample(logits.slice(), state);
    });
    expect([...kernels.get(tokens, new Int32Array(count))]).toEqual(expected);
  });

  it("says which rows cannot be sampled from", () => {
    using kernels = open();
    const random = createRandom(5);
    const bad = [
      { row: randomRow(random, 1).with(1495, Number.NaN).with(2, Infinity), expected: [-1, 1, 1] },
      { row: new Float32Array(vocab).fill(-Infinity), expected: [-1, 0, 0] },
      { row: new Float32Array(vocab).fill(-Infinity).with(1400, -1e38), expected: [1400, 0, 0] },
    ];
    const tokens = kernels.put(new Int32Array(bad.length).fill(-9));
    const status = kernels.put(new Int32Array(2 * bad.length).fill(-9));
    kernels.launch(
      "sample",
      { grid: [bad.length], block: 512 },
      tokens,
      status,
      kernels.put(Float32Array.from(bad.flatMap(({ row }) => [...row]))),
      kernels.put(Float64Array.from(bad.flatMap(() => [1, -50, 0.9, 0.5]))),
      kernels.put(new Int32Array(bad.length)),
      kernels.put(Int32Array.of(bad.length)),
      1,
      vocab,
      tokenCount,
    );
    const ids = kernels.get(tokens, new Int32Array(bad.length));
    const states = kernels.get(status, new Int32Array(2 * bad.length));
    expect(bad.map((_, at) => [ids[at], states[2 * at], states[2 * at + 1]])).toEqual(
      bad.map(({ expected }) => expected),
    );
  });
});
