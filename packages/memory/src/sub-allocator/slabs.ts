import { type BlockTable, slotFreeState, slotLiveState } from "./block-table.ts";
import { classSizes, classSlots } from "./size-classes.ts";

/**
 * Slots of equal size in runs, for small requests; one `Slabs` per domain. A slot is split off when it is first
 * needed. Of the runs with free slots the one that was full last is used first, so that the others become empty.
 */
export class Slabs {
  readonly #table: BlockTable;
  /** `(classes)` the first run with a free slot. */
  readonly #first: Int32Array = new Int32Array(classSizes.length);
  #emptyRunCount = 0;

  constructor(table: BlockTable) {
    this.#table = table;
  }

  /** Allocates a slot; returns 0 when no run of the class has a free one. */
  allocate(sizeClass: number): number {
    const table = this.#table;
    const run = this.#first[sizeClass]!;
    if (run === 0) return 0;
    let slot = table.peerPrevious[run]!;
    if (slot === 0) {
      const unsplit = table.peerNext[run]!;
      const size = classSizes[sizeClass]!;
      const start = table.start[run]! + (classSlots[sizeClass]! - unsplit) * size;
      slot = table.create(table.arena[run]!, start, size);
      table.owner[slot] = run;
      table.peerNext[run] = unsplit - 1;
    } else {
      table.peerPrevious[run] = table.listNext[slot]!;
      table.listNext[slot] = 0;
    }
    table.state[slot] = slotLiveState;
    if (table.epoch[run] === 0) this.#emptyRunCount -= 1;
    table.epoch[run]! += 1;
    if (table.peerPrevious[run] === 0 && table.peerNext[run] === 0) this.#unlink(run, sizeClass);
    return slot;
  }

  /** Adds a run: a node of exactly one run's size, in state RUN. */
  add(run: number, sizeClass: number): void {
    const table = this.#table;
    table.owner[run] = sizeClass;
    table.epoch[run] = 0;
    table.peerPrevious[run] = 0;
    table.peerNext[run] = classSlots[sizeClass]!;
    this.#emptyRunCount += 1;
    this.#link(run, sizeClass);
  }

  /** Frees a slot. Returns its run when that is empty and not kept: the caller then frees it. */
  free(slot: number): number {
    const table = this.#table;
    const run = table.owner[slot]!;
    const sizeClass = table.owner[run]!;
    const wasFull = table.peerPrevious[run] === 0 && table.peerNext[run] === 0;
    table.state[slot] = slotFreeState;
    table.listNext[slot] = table.peerPrevious[run]!;
    table.peerPrevious[run] = slot;
    table.epoch[run]! -= 1;
    if (wasFull) this.#link(run, sizeClass);
    if (table.epoch[run] !== 0) return 0;
    this.#emptyRunCount += 1;
    if (this.#first[sizeClass] === run && table.listNext[run] === 0) return 0;
    this.#removeRun(run);
    return run;
  }

  /** Removes the empty runs that are kept for reuse; the caller frees them. */
  removeEmpty(): readonly number[] {
    if (this.#emptyRunCount === 0) return [];
    const { listNext, epoch } = this.#table;
    const removed: number[] = [];
    for (const first of this.#first) {
      for (let run = first; run !== 0; run = listNext[run]!) if (epoch[run] === 0) removed.push(run);
    }
    for (const run of removed) this.#removeRun(run);
    return removed;
  }

  /** Moves every run with free slots to another domain. */
  moveTo(other: Slabs): void {
    const { listNext } = this.#table;
    for (const [sizeClass, first] of this.#first.entries()) {
      for (let run = first; run !== 0;) {
        const next = listNext[run]!;
        other.#link(run, sizeClass);
        run = next;
      }
    }
    this.#first.fill(0);
    other.#emptyRunCount += this.#emptyRunCount;
    this.#emptyRunCount = 0;
  }

  #removeRun(run: number): void {
    const table = this.#table;
    this.#unlink(run, table.owner[run]!);
    this.#emptyRunCount -= 1;
    for (let slot = table.peerPrevious[run]!; slot !== 0;) {
      const next = table.listNext[slot]!;
      table.destroy(slot);
      slot = next;
    }
    table.owner[run] = 0;
    table.peerPrevious[run] = 0;
    table.peerNext[run] = 0;
  }

  #link(run: number, sizeClass: number): void {
    const table = this.#table;
    const first = this.#first[sizeClass]!;
    table.listPrevious[run] = 0;
    table.listNext[run] = first;
    if (first !== 0) table.listPrevious[first] = run;
    this.#first[sizeClass] = run;
  }

  #unlink(run: number, sizeClass: number): void {
    const table = this.#table;
    const left = table.listPrevious[run]!;
    const right = table.listNext[run]!;
    if (left === 0) this.#first[sizeClass] = right;
    else table.listNext[left] = right;
    if (right !== 0) table.listPrevious[right] = left;
  }
}
