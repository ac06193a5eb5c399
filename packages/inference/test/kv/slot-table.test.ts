import { expect, test } from "vitest";
import type { SlotMove } from "../../src/index.ts";
import { CachedSequence } from "../../src/kv/kv-cache.ts";
import { SlotTable } from "../../src/kv/slot-table.ts";
import { createRandom } from "../../../../benchmarks/lib/random.ts";

function enter(table: SlotTable, tokenCount: number): CachedSequence {
  const sequence = new CachedSequence(new Int32Array());
  table.take(sequence);
  sequence.tokenCount = tokenCount;
  return sequence;
}

/** Places a batch of one token of each sequence. */
function decode(
  table: SlotTable,
  sequences: readonly CachedSequence[],
): { slots: number[]; moves: SlotMove[] } {
  const moves: SlotMove[] = [];
  const slots = new Int32Array(sequences.length);
  const batch = {
    sequences: sequences.map((cached) => ({ cached })),
    lengths: new Int32Array(sequences.length).fill(1),
    slots,
  };
  table.place(batch, (move) => moves.push(move));
  return { slots: [...slots], moves };
}

test("fills slots from the front", () => {
  const table = new SlotTable(4);
  expect([enter(table, 1).slot, enter(table, 1).slot, table.usedSlotCount]).toEqual([0, 1, 2]);
});

test("allocates a freed slot to the next sequence without a move", () => {
  const table = new SlotTable(3);
  const [first, second, third] = [enter(table, 10), enter(table, 20), enter(table, 30)];
  table.free(first);
  const fourth = enter(table, 40);
  expect(fourth.slot).toBe(0);
  expect(decode(table, [second, third, fourth])).toEqual({ slots: [1, 2, 0], moves: [] });
});

test("moves the last sequence into a free slot, with its cached tokens", () => {
  const table = new SlotTable(4);
  const [first, second, third] = [enter(table, 10), enter(table, 20), enter(table, 30)];
  table.free(first);
  const moves = [{ from: 2, to: 0, fromTokens: 30, toTokens: 0 }];
  expect(decode(table, [second, third])).toEqual({ slots: [1, 0], moves });
  expect(enter(table, 1).slot).toBe(2);
});

test("swaps with a sequence that sits out", () => {
  const table = new SlotTable(3);
  const [first, second, third] = [enter(table, 10), enter(table, 20), enter(table, 30)];
  const moves = [{ from: 2, to: 0, fromTokens: 30, toTokens: 10 }];
  expect(decode(table, [third, second])).toEqual({ slots: [0, 1], moves });
  expect(first.slot).toBe(2);
});

test("moves nothing when the sequences are in front in another order, or have several tokens", () => {
  const table = new SlotTable(4);
  const [first, second, third] = [enter(table, 10), enter(table, 20), enter(table, 30)];
  expect(decode(table, [third, first, second])).toEqual({ slots: [2, 0, 1], moves: [] });
  const slots = new Int32Array(2);
  const sequences = [{ cached: third }, { cached: first }];
  const batch = { sequences, lengths: Int32Array.of(2, 1), slots };
  table.place(batch, () => expect.unreachable());
  expect([...slots]).toEqual([2, 0]);
});

test("keeps every sequence's content through random admissions, releases and partial batches", () => {
  const random = createRandom(11);
  const slotCount = 7;
  const table = new SlotTable(slotCount);
  // What memory would hold: the sequence that was written there.
  const content: (CachedSequence | undefined)[] = Array.from({ length: slotCount }, () => undefined);
  const live = new Set<CachedSequence>();
  for (let step = 0; step < 5000; step += 1) {
    if (random() < 0.4 && live.size < slotCount) {
      const sequence = enter(table, 1 + Math.floor(random() * 50));
      content[sequence.slot] = sequence;
      live.add(sequence);
    } else if (random() < 0.3) {
      const gone = [...live].find(() => random() < 0.5);
      if (gone !== undefined) {
        table.free(gone);
        live.delete(gone);
      }
    } else {
      const chosen = [...live].filter(() => random() < 0.6);
      const { slots, moves } = decode(table, chosen);
      for (const { from, to, toTokens } of moves) {
        const moved = content[from];
        content[from] = toTokens > 0 ? content[to] : undefined;
        content[to] = moved;
      }
      expect(slots.toSorted((a, b) => a - b)).toEqual(slots.map((_, at) => at));
      expect(slots).toEqual(chosen.map(({ slot }) => slot));
      for (const sequence of chosen) sequence.tokenCount += 1;
    }
    for (const sequence of live) expect(content[sequence.slot]).toBe(sequence);
    expect(table.usedSlotCount).toBe(live.size);
  }
});
