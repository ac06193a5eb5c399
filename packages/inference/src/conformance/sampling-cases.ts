import assert from "node:assert/strict";
import type { RowSampling } from "../executors/row-sampling.ts";
import type { CaseContext } from "./executor-cases.ts";
import { GreedySequence } from "./forward-driver.ts";

/** Ways to sample one row: the logits, the likeliest token twice, and draws without filters. */
const ways = [
  { isSampled: 0, temperature: 1, topK: 0, uniform: 0 },
  { isSampled: 1, temperature: 0, topK: 0, uniform: 0 },
  { isSampled: 1, temperature: 1, topK: 1, uniform: 0.99 },
  { isSampled: 1, temperature: 0.7, topK: 0, uniform: 0.31 },
  { isSampled: 1, temperature: 2, topK: 0, uniform: 0.87 },
] as const;

/** Cases of executors that sample; they hold of the others as they are. */
export const samplingCases: Readonly<Record<string, (context: CaseContext) => Promise<void>>> = {
  "samples some rows and returns the logits of the others": async ({ create, prompts }) => {
    const driver = await create({ maxSequences: prompts.length });
    if (driver.executor.canSample !== true) return;
    const tokenCount = driver.executor.vocabSize - 1;
    const sequences = prompts.map(({ tokenIds }) => new GreedySequence(driver, tokenIds));
    for (let round = 0; round < ways.length; round += 1) {
      const chunks = sequences.map((sequence) => sequence.nextChunk());
      const chosen = sequences.map((_, index) => ways[(round + index) % ways.length]!);
      const sampling = samplingOf(chosen, tokenCount);
      const sampled = await driver.executor.forward({ ...driver.batchOf(chunks), sampling });
      const got = chosen.map(({ isSampled }, index) =>
        isSampled === 1 ? sampled.tokenId?.(index) : sampled.row(index).slice(),
      );
      // The same chunks again.
      const rows = await driver.run(chunks);
      for (const [index, way] of chosen.entries()) {
        const row = rows[index]!;
        assert.deepEqual(got[index], way.isSampled === 1 ? tokenOf(row.subarray(0, tokenCount), way) : row);
        sequences[index]!.advance(chunks[index]!, row);
      }
    }
  },
};

function samplingOf(chosen: readonly (typeof ways)[number][], tokenCount: number): RowSampling {
  return {
    isSampled: Uint8Array.from(chosen, (way) => way.isSampled),
    temperatures: Float64Array.from(chosen, (way) => way.temperature),
    exponentFloors: new Float64Array(chosen.length).fill(-50),
    topKs: Int32Array.from(chosen, (way) => way.topK),
    topPs: new Float64Array(chosen.length).fill(1),
    uniforms: Float64Array.from(chosen, (way) => way.uniform),
    tokenCount,
  };
}

function tokenOf(row: Float32Array, { temperature, topK, uniform }: (typeof ways)[number]): number {
  const largest = row.reduce((most, logit) => Math.max(most, logit));
  if (temperature === 0 || topK === 1) return row.indexOf(largest);
  const weights = Float64Array.from(row, (logit) => Math.exp((logit - largest) / temperature));
  let rest = uniform * weights.reduce((sum, weight) => sum + weight, 0);
  return weights.findIndex((weight) => (rest -= weight) < 0);
}
