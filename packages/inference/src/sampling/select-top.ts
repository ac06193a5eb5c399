import type { Candidates } from "./candidates.ts";

/**
 * Fills `into` with the `count` largest entries of a row, in heap order: the last of them first.
 * Of equal entries the lower ids are taken. One pass, no sort: O(vocabulary) for small counts.
 */
export function selectTop(row: Float32Array, count: number, into: Candidates): void {
  const size = Math.min(count, row.length);
  into.count = 0;
  for (let id = 0; id < size; id += 1) into.add(id, row[id]!);
  for (let at = (size >> 1) - 1; at >= 0; at -= 1) sink(into, at);
  if (size === 0) return;
  let id = nextAbove(row, size, into.weights[0]!);
  while (id < row.length) {
    into.ids[0] = id;
    into.weights[0] = row[id]!;
    sink(into, 0);
    id = nextAbove(row, id + 1, into.weights[0]);
  }
}

/** Finds the first index from `start` on whose entry is above a limit; the row's length if there is none. */
function nextAbove(row: Float32Array, start: number, limit: number): number {
  const end = row.length;
  let id = start;
  while (id < end && !(row[id]! > limit)) id += 1;
  return id;
}

/** Moves an entry down until no child comes after it in the order. */
function sink(heap: Candidates, from: number): void {
  let at = from;
  for (;;) {
    let last = at;
    const left = 2 * at + 1;
    const right = left + 1;
    if (left < heap.count && heap.isBefore(last, left)) last = left;
    if (right < heap.count && heap.isBefore(last, right)) last = right;
    if (last === at) return;
    heap.swap(at, last);
    at = last;
  }
}
