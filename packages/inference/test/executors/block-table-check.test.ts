import { expect, test } from "vitest";
import { createRandom } from "../../../../benchmarks/lib/random.ts";
import { BlockTableCheck } from "../../src/executors/block-table-check.ts";
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
  new BlockTableCheck(storage).assert(batch);
}

/** Whether all pages exist, and those that are written occur once. */
function isDisjoint(batch: ForwardBatch, { pageCount, pageTokens }: PagedStorage): boolean {
  const used: number[] = [];
  const written: number[] = [];
  for (let chunk = 0; chunk < batch.chunkCount; chunk += 1) {
    const start = batch.startPositions[chunk]!;
    const row = chunk * batch.blockTableStride!;
    const end = Math.ceil((start + batch.lengths[chunk]!) / pageTokens);
    used.push(...batch.blockTables!.subarray(row, row + end));
    written.push(...batch.blockTables!.subarray(row + Math.floor(start / pageTokens), row + end));
  }
  if (used.some((page) => page < 0 || page >= pageCount)) return false;
  return written.every((page) => used.filter((each) => each === page).length === 1);
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

test("remembers rows from batch to batch, and accepts each batch exactly where it would alone", () => {
  const random = createRandom(20);
  const below = (count: number): number => Math.floor(random() * count);
  const wide: PagedStorage = { ...storage, pageCount: 60, sequenceTokens: 40, maxSequences: 5 };
  const stride = 10;
  const remembering = new BlockTableCheck(wide);
  // Two arrays take turns, as those of steps do.
  const tables = [new Int32Array(5 * stride), new Int32Array(5 * stride)];
  const outcomes = { accepted: 0, refused: 0 };
  /** Positions that are cached, and pages, of each sequence. */
  let rows: { start: number; pages: number[] }[] = [];
  for (let step = 0; step < 4000; step += 1) {
    if (random() < 0.2 && rows.length > 0) rows.splice(below(rows.length), 1);
    if (random() < 0.3 && rows.length < 5) {
      const start = below(32);
      // Each has pages of its own; first ones are sometimes those of another sequence.
      const own = rows.length * 12;
      const pages = Array.from({ length: stride }, (_, at) => own + at);
      const other = rows[below(rows.length)];
      if (other !== undefined && random() < 0.5) {
        const full = Math.min(Math.floor(start / 4), Math.floor(other.start / 4));
        pages.splice(0, full, ...other.pages.slice(0, full));
      }
      rows.push({ start, pages });
    }
    if (random() < 0.1 && rows.length > 0) rows[below(rows.length)]!.pages[below(stride)] = below(61);
    rows = rows.filter(({ start }) => start < 39);
    const blockTables = tables[step % 2]!;
    for (const [at, { pages }] of rows.entries()) blockTables.set(pages, at * stride);
    const batch: ForwardBatch = {
      chunkCount: rows.length,
      slots: new Int32Array(0),
      blockTables,
      blockTableStride: stride,
      startPositions: Int32Array.from(rows, ({ start }) => start),
      lengths: Int32Array.from(rows, ({ start }) => 1 + below(Math.min(3, 39 - start))),
      logitCounts: new Int32Array(rows.length),
      tokenIds: new Int32Array(20),
    };
    const errorOf = (check: BlockTableCheck): unknown => {
      try {
        check.assert(batch);
        return undefined;
      } catch (error) {
        return (error as Error).message;
      }
    };
    const error = errorOf(remembering);
    expect(error).toBe(errorOf(new BlockTableCheck(wide)));
    expect(error === undefined, `step ${step}`).toBe(isDisjoint(batch, wide));
    outcomes[error === undefined ? "accepted" : "refused"] += 1;
    for (const [at, row] of rows.entries()) row.start += batch.lengths[at]!;
  }
  expect(outcomes.accepted).toBeGreaterThan(500);
  expect(outcomes.refused).toBeGreaterThan(500);
});
