import { type BlockTable, liveState, reservedState } from "./block-table.ts";
import type { Counters } from "./counters.ts";
import type { Domain } from "./domain.ts";
import type { RangeHeap } from "./range-heap.ts";

export interface ReservationParts {
  readonly table: BlockTable;
  readonly heap: RangeHeap;
  readonly idle: Domain;
  readonly counters: Counters;
}

/** A reserved range. Blocks are split off its end, so that its own node keeps its place. */
export class RangeReservation {
  readonly #parts: ReservationParts;
  #id: number;

  /** Reserves a live node. */
  constructor(parts: ReservationParts, id: number) {
    this.#parts = parts;
    this.#id = id;
    parts.table.state[id] = reservedState;
    parts.counters.reserved += parts.table.size[id]!;
  }

  /** Granules left. */
  get size(): number {
    return this.#id === 0 ? 0 : this.#parts.table.size[this.#id]!;
  }

  /** Allocates `size` granules at a multiple of `alignment`; returns the id of a live node, or 0. */
  allocate(size: number, alignment: number): number {
    const { table, heap, idle, counters } = this.#parts;
    const from = this.#id;
    if (from === 0 || size > this.size) return 0;
    const end = table.start[from]! + table.size[from]!;
    const start = (end - size) & -alignment;
    if (start < table.start[from]!) return 0;
    let id = from;
    if (start > table.start[from]!) {
      id = table.create(table.arena[from]!, start, end - start);
      table.insertAfter(id, from);
      table.size[from]! -= end - start;
    } else {
      this.#id = 0;
    }
    counters.reserved -= end - start;
    table.state[id] = liveState;
    if (end - start > size) {
      const rest = table.create(table.arena[id]!, start + size, end - start - size);
      table.insertAfter(rest, id);
      table.size[id] = size;
      heap.free(rest, idle);
    }
    counters.add(size);
    return id;
  }

  /** Frees what is left; returns the free range, or 0 when nothing was left. */
  release(): number {
    const { heap, idle, counters } = this.#parts;
    if (this.#id === 0) return 0;
    counters.reserved -= this.size;
    const freed = heap.free(this.#id, idle);
    this.#id = 0;
    return freed;
  }
}
