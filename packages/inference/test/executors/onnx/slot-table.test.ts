import { expect, test } from "vitest";
import { type SlotMove, SlotTable } from "../../../src/executors/onnx/slot-table.ts";
import { createRandom } from "../../../../../benchmarks/lib/random.ts";

function gatherSequences(table: SlotTable, sequenceIds: readonly number[]): SlotMove[] {
  const moves: SlotMove[] = [];
  const slots = Int32Array.from(sequenceIds, (id) => table.slotOf(id));
  table.gather(slots, sequenceIds.length, (move) => moves.push(move));
  return moves;
}

function filledTable(slotCount: number, sequenceIds: readonly number[]): SlotTable {
  const table = new SlotTable(slotCount);
  for (const id of sequenceIds) table.setTokensAt(table.acquire(id), id * 10);
  return table;
}

test("fills slots from the front", () => {
  const table = filledTable(4, [7, 8]);
  expect([table.slotOf(7), table.slotOf(8), table.usedSlotCount]).toEqual([0, 1, 2]);
});

test("gives a freed slot to the next sequence without a move", () => {
  const table = filledTable(3, [1, 2, 3]);
  table.release(1);
  expect(table.acquire(4)).toBe(0);
  expect(gatherSequences(table, [2, 3, 4])).toEqual([]);
});

test("gives a slot out empty, whatever was in it", () => {
  const table = filledTable(1, [5]);
  table.release(5);
  expect(table.tokensAt(0)).toBe(0);
  expect(table.tokensAt(table.acquire(6))).toBe(0);
});

test("moves the last sequence into a hole, with what it uses", () => {
  const table = filledTable(4, [1, 2, 3]);
  table.release(1);
  expect(gatherSequences(table, [2, 3])).toEqual([{ from: 2, to: 0, fromTokens: 30, toTokens: 0 }]);
  expect([table.slotOf(2), table.slotOf(3)]).toEqual([1, 0]);
  expect(table.tokensAt(0)).toBe(30);
});

test("swaps with a sequence that sits out", () => {
  const table = filledTable(3, [1, 2, 3]);
  expect(gatherSequences(table, [3, 2])).toEqual([{ from: 2, to: 0, fromTokens: 30, toTokens: 10 }]);
  expect([table.slotOf(1), table.slotOf(2), table.slotOf(3)]).toEqual([2, 1, 0]);
  expect(table.tokensAt(2)).toBe(10);
});

test("moves nothing when the sequences are in front in another order", () => {
  expect(gatherSequences(filledTable(4, [1, 2, 3]), [3, 1, 2])).toEqual([]);
});

test("says that it is full, and that a sequence is unknown or there already", () => {
  const table = filledTable(2, [1, 2]);
  expect(() => table.acquire(3)).toThrow(expect.objectContaining({ code: "KV_CACHE_FULL" }));
  table.release(2);
  expect(() => table.acquire(1)).toThrow(expect.objectContaining({ code: "INVALID_BATCH" }));
  expect(() => table.slotOf(2)).toThrow(expect.objectContaining({ code: "INVALID_BATCH" }));
});

test("keeps every sequence's content through any history of joins, leaves and partial batches", () => {
  const random = createRandom(11);
  const slotCount = 7;
  const table = new SlotTable(slotCount);
  // What memory would hold: content[slot] is the id that was written there.
  const content = Array.from({ length: slotCount }, () => -1);
  const live = new Set<number>();
  const wronglyGathered: number[] = [];
  for (let step = 0, nextId = 0; step < 5000; step += 1) {
    if (random() < 0.4 && live.size < slotCount) {
      const slot = table.acquire(nextId);
      content[slot] = nextId;
      table.setTokensAt(slot, 1 + Math.floor(random() * 50));
      live.add(nextId++);
    } else if (random() < 0.3) {
      const gone = [...live].find(() => random() < 0.5);
      if (gone !== undefined) {
        table.release(gone);
        live.delete(gone);
      }
    } else {
      const chosen = [...live].filter(() => random() < 0.6);
      for (const id of chosen) table.setTokensAt(table.slotOf(id), table.tokensAt(table.slotOf(id)) + 1);
      const slots = Int32Array.from(chosen, (id) => table.slotOf(id));
      table.gather(slots, chosen.length, ({ from, to, toTokens }) => {
        const moved = content[from] ?? -1;
        content[from] = toTokens > 0 ? (content[to] ?? -1) : -2;
        content[to] = moved;
      });
      for (const id of chosen) if (table.slotOf(id) >= chosen.length) wronglyGathered.push(id);
    }
    for (const id of live) expect(content[table.slotOf(id)]).toBe(id);
    expect(table.usedSlotCount).toBe(live.size);
  }
  expect(wronglyGathered).toEqual([]);
});
