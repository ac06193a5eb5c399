import { expect, test } from "vitest";
import { assertBlockTables } from "../../src/executors/assert-block-tables.ts";
import type { ForwardBatch, PagedStorage } from "../../src/index.ts";

const storage: PagedStorage = {
  layout: "pages",
  pageCount: 6,
  pageTokens: 4,
  sequenceTokens: 12,
  maxSequences: 2,
};

/** Two chunks: positions 8 and 9 of one sequence, position 6 of another. */
function check(rows: readonly (readonly number[])[], part: Partial<ForwardBatch> = {}): void {
  const batch: ForwardBatch = {
    chunkCount: rows.length,
    slots: new Int32Array(0),
    blockTables: Int32Array.from(rows.flat()),
    blockTableStride: 3,
    startPositions: Int32Array.of(8, 6),
    lengths: Int32Array.of(2, 1),
    logitCounts: Int32Array.of(1, 1),
    tokenIds: Int32Array.of(1, 2, 3),
    ...part,
  };
  assertBlockTables(batch, storage, new Uint8Array(storage.pageCount));
}

test("accepts pages in any order, full ones in several rows, and anything where no page is used", () => {
  const rows = [
    [5, 0, 3],
    [5, 1, -1],
  ];
  expect(() => check(rows)).not.toThrow();
});

test.each([
  ["a page that does not exist", { rows: [[0, 1, 6]], field: "`blockTables[2]`" }],
  ["a negative page", { rows: [[0, -1, 2]], field: "`blockTables[1]`" }],
  [
    "a page that two chunks write to",
    {
      rows: [
        [0, 1, 2],
        [0, 2, 3],
      ],
      field: "`blockTables[4]`",
    },
  ],
  [
    "a page that another chunk reads from",
    {
      rows: [
        [0, 1, 2],
        [2, 3, 4],
      ],
      field: "`blockTables[3]`",
    },
  ],
  [
    "a page that another chunk writes to",
    {
      rows: [
        [0, 1, 2],
        [3, 1, 4],
      ],
      field: "`blockTables[1]`",
    },
  ],
  ["a page twice in one row", { rows: [[0, 1, 1]], field: "`blockTables[1]`" }],
])("refuses %s", (_, { rows, field }) => {
  expect(() => check(rows)).toThrow(expect.objectContaining({ code: "INVALID_BATCH" }));
  expect(() => check(rows)).toThrow(field);
});

test("refuses rows that are too short, and a batch without pages", () => {
  expect(() => check([[0, 1]], { blockTableStride: 2 })).toThrow("`blockTableStride`: expected at least 3");
  expect(() => check([], { blockTables: undefined as never })).toThrow("expected the pages of each chunk");
});
