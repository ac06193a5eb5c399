import assert from "node:assert/strict";
import { maskWords, type RowEdits } from "../executors/row-edits.ts";
import { noLogprobs, type RowSampling } from "../executors/row-sampling.ts";
import type { RowLogprobs } from "../executors/executor.ts";
import type { CaseContext } from "./executor-cases.ts";
import { editRow } from "./edit-row.ts";
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

  "samples rows as they are after edits, with log-probabilities of before, and returns other logits unchanged":
    async ({ create, prompts }) => {
      const driver = await create({ maxSequences: prompts.length });
      const { canSample, editCapacity, maxTopCount, vocabSize } = driver.executor;
      if (canSample !== true || editCapacity === undefined) return;
      const tokenCount = vocabSize - 1;
      const sequences = prompts.map(({ tokenIds }) => new GreedySequence(driver, tokenIds));
      let changedCount = 0;
      for (let round = 0; round < 2 * ways.length; round += 1) {
        const chunks = sequences.map((sequence) => sequence.nextChunk());
        const rows = await driver.run(chunks);
        const chosen = sequences.map((_, index) => ways[(round + index) % ways.length]!);
        const edits = editsOf(rows.length, vocabSize, round);
        const topCounts = maxTopCount === undefined ? undefined : countsOf(rows.length, maxTopCount, round);
        const sampling = { ...samplingOf(chosen, tokenCount), edits, topCounts };
        const sampled = await driver.executor.forward({ ...driver.batchOf(chunks), sampling });
        for (const [index, way] of chosen.entries()) {
          const row = rows[index]!;
          if (way.isSampled === 1) {
            const edited = row.slice();
            editRow(edited, sampling, index);
            const expected = tokenOf(edited.subarray(0, tokenCount), way);
            assert.equal(sampled.tokenId!(index), expected);
            if (expected !== tokenOf(row.subarray(0, tokenCount), way)) changedCount += 1;
            const topCount = topCounts?.[index] ?? noLogprobs;
            if (topCount !== noLogprobs) {
              assertLogprobs(sampled.logprobs!(index), row, { tokenId: expected, topCount });
            }
          } else {
            assert.deepEqual(sampled.row(index).slice(), row);
          }
          sequences[index]!.advance(chunks[index]!, row);
        }
      }
      assert.ok(changedCount > 0, "expected edits that make a difference");
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

/** Of every third row no log-probabilities, of others up to the most tokens. */
function countsOf(rowCount: number, most: number, round: number): Int32Array {
  return Int32Array.from({ length: rowCount }, (_, row) =>
    (row + round) % 3 === 0 ? noLogprobs : [0, 1, most][(row + round) % 3]!,
  );
}

function assertLogprobs(
  got: RowLogprobs,
  row: Float32Array,
  { tokenId, topCount }: { readonly tokenId: number; readonly topCount: number },
): void {
  const largest = row.reduce((most, logit) => Math.max(most, logit));
  const sum = row.reduce((all, logit) => all + Math.exp(logit - largest), 0);
  const logprobOf = (id: number): number => row[id]! - largest - Math.log(sum);
  const order = Array.from(row.keys()).sort((a, b) => row[b]! - row[a]! || a - b);
  assert.equal(got.rank, row.filter((logit) => logit >= row[tokenId]!).length);
  assert.deepEqual(
    got.top.map((each) => each.tokenId),
    order.slice(0, topCount),
  );
  for (const each of [{ tokenId, logprob: got.logprob }, ...got.top]) {
    assert.ok(Math.abs(each.logprob - logprobOf(each.tokenId)) < 1e-9);
  }
}

/** Edits of rows: of every fourth one none, else some biases, penalties and suppressed tokens, and of some a mask. */
function editsOf(rowCount: number, vocabSize: number, round: number): RowEdits {
  const words = maskWords(vocabSize);
  const entries: { readonly tokenId: number; readonly value: number }[] = [];
  const add = (kind: number, count: number, valueOf: (at: number) => number): void => {
    for (let at = 0; at < count; at += 1) {
      entries.push({ tokenId: (at * 7 + kind * 3 + round) % vocabSize, value: valueOf(at) });
    }
  };
  const isEdited = (row: number): boolean => (row + round) % 4 !== 3;
  const bounds = Array.from({ length: rowCount }, (_, row) => {
    const starts = [entries.length];
    if (isEdited(row)) add(0, 3, (at) => 4 * at - 2.3);
    starts.push(entries.length);
    if (isEdited(row)) add(1, 5, (at) => at);
    starts.push(entries.length);
    if (isEdited(row)) add(2, 2, () => 0);
    return [...starts, entries.length];
  });
  const maskIndices = Int32Array.from({ length: rowCount }, (_, row) => (isEdited(row) ? (row % 2) - 1 : -1));
  return {
    bounds: Int32Array.from(bounds.flat()),
    tokenIds: Int32Array.from(entries, ({ tokenId }) => tokenId),
    values: Float64Array.from(entries, ({ value }) => value),
    editCount: entries.length,
    penalties: Float64Array.from(bounds.flatMap((_, row) => [1.1 + row / 7, 0.3, -0.7])),
    maskIndices,
    masks: new Uint32Array(words).fill(0x5b6db6d7),
    maskCount: 1,
  };
}
