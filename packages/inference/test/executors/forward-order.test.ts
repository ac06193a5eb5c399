import { expect, it } from "vitest";
import { ForwardOrder } from "../../src/executors/forward-order.ts";
import type { ForwardBatch } from "../../src/index.ts";
import { samplingOf } from "./support/sampling-of.ts";

/** Single tokens, each with a row of logits. */
function batchOf(rowCount: number, part: Partial<ForwardBatch> = {}): ForwardBatch {
  return {
    chunkCount: rowCount,
    slots: new Int32Array(rowCount),
    startPositions: new Int32Array(rowCount),
    lengths: new Int32Array(rowCount).fill(1),
    logitCounts: new Int32Array(rowCount).fill(1),
    tokenIds: new Int32Array(rowCount),
    ...part,
  };
}

const sampled = (rowCount: number): ForwardBatch => batchOf(rowCount, { sampling: samplingOf(rowCount) });

it("lets one forward begin behind one whose rows are all sampled", () => {
  const order = new ForwardOrder({ canRunAhead: true });
  const end = order.begin(sampled(2));
  order.assertNext(batchOf(1));
  order.begin(batchOf(1));
  expect(() => order.assertNext(batchOf(1))).toThrow(/`forward`: expected one call at a time, and one ahead/);
  end();
  // The one that runs gives logits.
  expect(() => order.assertNext(batchOf(1))).toThrow(/got one during a forward/);
});

it("lets one forward run at a time where the executor does not run ahead", () => {
  const order = new ForwardOrder({ canRunAhead: false });
  const end = order.begin(sampled(1));
  expect(() => order.assertNext(sampled(1))).toThrow(
    "`forward`: expected one call at a time, got one during",
  );
  end();
  order.assertNext(sampled(1));
  const tokenSources = Int32Array.of(0);
  expect(() => order.assertNext(batchOf(1, { tokenSources }))).toThrow(/`tokenSources`: expected none/);
});

it("finds tokens in the rows of the last forward, whether it still runs or not", () => {
  const order = new ForwardOrder({ canRunAhead: true });
  const isSampled = Uint8Array.of(1, 0, 1);
  const end = order.begin(batchOf(3, { sampling: samplingOf(3, { isSampled }) }));
  end();
  const check = (...sources: number[]): void => {
    order.assertNext(batchOf(2, { tokenSources: Int32Array.from(sources) }));
  };
  check(2, -1);
  check(0, 2, 9);
  expect(() => check(0, 1)).toThrow(
    "`tokenSources[1]`: expected −1, or a row that the last forward samples, got 1",
  );
  expect(() => check(3, 0)).toThrow(/`tokenSources\[0\]`/);
  expect(() => check(-2, 0)).toThrow(/`tokenSources\[0\]`/);
  expect(() => check(0)).toThrow("`tokenSources`: expected the 2 tokens of all chunks, got 1");
});
