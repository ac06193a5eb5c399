import { expect, it } from "vitest";
import { createRandom } from "../../../../../../benchmarks/lib/random.ts";
import { sample } from "../../../../src/executors/cuda/kernels/manifests/sample.ts";
import { exponentFloorOf } from "../../../../src/sampling/exponent-floor.ts";
import { RandomStream } from "../../../../src/sampling/random-stream.ts";
import { createSampler } from "../../../../src/sampling/sampler.ts";
import { defaultSamplingParams, type SamplingParams } from "../../../../src/sampling/sampling-params.ts";
import { SamplingState } from "../../../../src/sampling/sampling-state.ts";
import { PlainMemory } from "../../../support/plain-memory.ts";
import { describeKernels } from "./kernel-device.ts";

const rowCount = 40;

describeKernels([sample], (open) => {
  // Fewer tokens than threads, not a multiple of 32, all tokens; rows of the output head without a token.
  it.each([
    [1, 1],
    [97, 31],
    [700, 700],
    [2050, 2049],
  ])("draws what the host draws, of %i logits with %i tokens", (vocab, tokenCount) => {
    using kernels = open();
    using sampler = createSampler({ vocabSize: vocab, tokenCount, memory: new PlainMemory(), model: "m" });
    const random = createRandom(vocab);
    const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;
    const logitsOf = (): Float32Array => {
      const spread = pick(0, 1, 8, 60);
      // 1: many equal ones; 1024: few.
      const steps = pick(1, 4, 1024);
      const base = pick(0, -1e4, 1e30);
      return Float32Array.from({ length: vocab }, () => {
        const logit = base + Math.round(spread * steps * (random() + random() - 1)) / steps;
        return random() < 0.05 ? -Infinity : logit;
      }).with(Math.floor(random() * tokenCount), base);
    };
    const paramsOf = (): SamplingParams & { readonly seed: number } => ({
      ...defaultSamplingParams,
      temperature: pick(0, 1e-300, 1e-3, 0.2, 1, 2),
      topK: pick(0, 0, 1, 2, 50, tokenCount, tokenCount + 1),
      topP: pick(1, 1, 0.95, 0.5, 1e-9),
      minP: pick(0, 0, 0.01, 0.5, 1),
      seed: Math.floor(random() * 1e9),
    });
    const rows = Array.from({ length: rowCount }, () => ({ logits: logitsOf(), params: paramsOf() }));
    const parameters = rows.flatMap(({ params: { temperature, minP, topP, seed } }) => [
      temperature,
      exponentFloorOf(minP),
      topP,
      new RandomStream(seed).nextUniform(),
    ]);
    const tokens = kernels.put(new Int32Array(rowCount).fill(-9));
    kernels.launch(
      "sample",
      { grid: [rowCount], block: 512 },
      tokens,
      kernels.put(new Int32Array(2 * rowCount)),
      kernels.put(Float32Array.from(rows.flatMap(({ logits }) => [...logits]))),
      kernels.put(Float64Array.from(parameters)),
      kernels.put(Int32Array.from(rows, ({ params }) => params.topK)),
      kernels.put(Int32Array.of(rowCount)),
      1,
      vocab,
      tokenCount,
    );
    const expected = rows.map(({ params, logits }) => {
      const plain = { params, promptTokenIds: new Int32Array(), index: 0, stopTokenIds: [], minTokens: 0 };
      return sampler.sample(logits, new SamplingState(plain));
    });
    expect([...kernels.get(tokens, new Int32Array(rowCount))]).toEqual(expected);
  });
});
