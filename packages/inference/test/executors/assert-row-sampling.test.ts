import { expect, it } from "vitest";
import { assertRowSampling } from "../../src/executors/assert-row-sampling.ts";
import type { RowSampling } from "../../src/index.ts";
import { samplingOf } from "./support/sampling-of.ts";

const check = (sampling: RowSampling | undefined): void =>
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
    { vocabSize: 20 },
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
