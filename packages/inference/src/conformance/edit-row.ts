import { maskWords, noMask, rowBounds, rowPenalties } from "../executors/row-edits.ts";
import type { RowSampling } from "../executors/row-sampling.ts";

const largestLogit = (2 - 2 ** -23) * 2 ** 127;

/** Changes the tokens of a row, `(vocabSize)`, as executors with room for edits do. */
export function editRow(row: Float32Array, { edits, tokenCount }: RowSampling, index: number): void {
  if (edits === undefined) return;
  const { tokenIds, values, masks, maskIndices } = edits;
  const [biases = 0, penalties = 0, suppressed = 0, end = 0] = edits.bounds.subarray(index * rowBounds);
  const [repetition = 1, frequency = 0, presence = 0] = edits.penalties.subarray(index * rowPenalties);
  const change = (from: number, to: number, changed: (logit: number, value: number) => number): void => {
    for (let at = from; at < to; at += 1) {
      const id = tokenIds[at]!;
      if (id < tokenCount && Number.isFinite(row[id])) row[id] = changed(row[id]!, values[at]!);
    }
  };
  change(biases, penalties, (logit, bias) => logit + bias);
  change(penalties, suppressed, (logit, count) => {
    const repeated = logit > 0 ? logit / repetition : logit * repetition;
    const adjusted = repeated - frequency * count - (count > 0 ? presence : 0);
    return Math.min(largestLogit, Math.max(-largestLogit, adjusted));
  });
  change(suppressed, end, () => -Infinity);
  const mask = maskIndices[index]!;
  if (mask === noMask) return;
  const start = mask * maskWords(row.length);
  for (let id = 0; id < tokenCount; id += 1) {
    const isAllowed = (masks[start + (id >>> 5)]! & (1 << (id & 31))) !== 0;
    if (!isAllowed && Number.isFinite(row[id])) row[id] = -Infinity;
  }
}
