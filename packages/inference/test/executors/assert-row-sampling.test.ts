import { expect, it } from "vitest";
import { assertRowSampling, type SamplingLimits } from "../../src/executors/assert-row-sampling.ts";
import type { RowEdits, RowSampling } from "../../src/index.ts";
import { samplingOf } from "./support/sampling-of.ts";

const check = (
  sampling: RowSampling | undefined,
  { editCapacity, maxTopCount }: Omit<SamplingLimits, "vocabSize"> = {},
): void =>
  assertRowSampling(
    {
      chunkCount: 2,
      slots: Int32Array.of(0, 1),
      startPositions: Int32Array.of(0, 0),
      lengths: Int32Array.of(4, 4),
      // The last is of no chunk.
      logitCounts: Int32Array.of(1, 2, 3),
      tokenIds: new Int32Array(8),
      sampling,
    },
    { vocabSize: 20, editCapacity, maxTopCount },
  );

it("takes batches that are not sampled, and those whose rows are all described", () => {
  expect(() => check(undefined)).not.toThrow();
  expect(() => check(samplingOf(3, { tokenCount: 20 }))).not.toThrow();
});

it.each([0, 21, 1.5])("refuses to sample among %d tokens", (tokenCount) => {
  expect(() => check(samplingOf(3, { tokenCount }))).toThrow(
    `\`sampling.tokenCount\`: expected an integer from 1 to 20, got ${tokenCount}`,
  );
});

it.each(["isSampled", "temperatures", "exponentFloors", "topKs", "topPs", "uniforms"] as const)(
  "refuses %s of fewer rows than the batch has",
  (name) => {
    const { [name]: shorter } = samplingOf(2);
    expect(() => check(samplingOf(3, { [name]: shorter }))).toThrow(
      `\`sampling.${name}\`: expected 3 rows, got 2`,
    );
  },
);

const edits: RowEdits = {
  bounds: Int32Array.of(0, 1, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4),
  tokenIds: Int32Array.of(1, 2, 3, 4, 5),
  values: Float64Array.of(1, 2, 3, 4, 5),
  editCount: 4,
  penalties: new Float64Array(9),
  maskIndices: Int32Array.of(-1, 1, 0),
  masks: new Uint32Array(2),
  maskCount: 2,
};

it("takes edits that fit the executor, and none where it has no room for any", () => {
  expect(() => check(samplingOf(3, { edits }), { editCapacity: { edits: 4, masks: 2 } })).not.toThrow();
  expect(() => check(samplingOf(3, { edits }))).toThrow("`sampling.edits`: expected none for this executor");
});

it.each<[string, Partial<RowEdits>, string]>([
  [
    "more edits than there is room for",
    { editCount: 5 },
    "editCount`: expected an integer from 0 to 4, got 5",
  ],
  ["more masks", { maskCount: 3 }, "maskCount`: expected an integer from 0 to 2, got 3"],
  ["too few bounds", { bounds: new Int32Array(11) }, "bounds`: expected at least 12 numbers, got 11"],
  ["too few penalties", { penalties: new Float64Array(8) }, "penalties`: expected at least 9 numbers, got 8"],
  ["too few indices", { maskIndices: new Int32Array(2) }, "maskIndices`: expected at least 3 numbers, got 2"],
  ["too few ids", { tokenIds: new Int32Array(3) }, "tokenIds`: expected at least 4 numbers, got 3"],
  ["too few values", { values: new Float64Array(3) }, "values`: expected at least 4 numbers, got 3"],
  ["too few words", { masks: new Uint32Array(1) }, "masks`: expected at least 2 numbers, got 1"],
  [
    "an unknown mask",
    { maskIndices: Int32Array.of(0, 2, 0) },
    "maskIndices[1]`: expected −1, or one of 2 masks, got 2",
  ],
  [
    "a bound behind the edits",
    { bounds: edits.bounds.with(11, 5) },
    "bounds[11]`: expected an index from 4 to 4, got 5",
  ],
  [
    "bounds out of order",
    { bounds: edits.bounds.with(1, 3) },
    "bounds[2]`: expected an index from 3 to 4, got 2",
  ],
  [
    "a negative bound",
    { bounds: edits.bounds.with(0, -1) },
    "bounds[0]`: expected an index from 0 to 4, got -1",
  ],
])("refuses %s", (_, part, message) => {
  const sampling = samplingOf(3, { edits: { ...edits, ...part } });
  expect(() => check(sampling, { editCapacity: { edits: 4, masks: 2 } })).toThrow(
    `\`sampling.edits.${message}`,
  );
});

it.each([
  [{ topCounts: Int32Array.of(-1, 0, 4) }, {}, "topCounts`: expected none for this executor, got some"],
  [{ topCounts: Int32Array.of(-1, 0) }, { maxTopCount: 4 }, "topCounts`: expected 3 rows, got 2"],
  [
    { topCounts: Int32Array.of(-1, 5, 4) },
    { maxTopCount: 4 },
    "topCounts[1]`: expected an integer from −1 to 4, got 5",
  ],
])("takes counts of likeliest tokens up to what the executor ranks, and not %o", (part, limits, message) => {
  expect(() =>
    check(samplingOf(3, { topCounts: Int32Array.of(-1, 0, 4) }), { maxTopCount: 4 }),
  ).not.toThrow();
  expect(() => check(samplingOf(3, part), limits)).toThrow(`\`sampling.${message}`);
});
