import { type BlockTable, freeState, liveState, runState } from "./block-table.ts";
import type { Domain } from "./domain.ts";
import { classOf, classSizes, classSlots } from "./size-classes.ts";

/**
 * Splits and coalesces the ranges of the arenas. A free range belongs to a domain: idle memory, or memory that
 * one stream freed. Neighbours coalesce only within their domain.
 */
export class RangeHeap {
  readonly #table: BlockTable;

  constructor(table: BlockTable) {
    this.#table = table;
  }

  /** Frees a range that is linked into its arena and coalesces it with its neighbours; returns the free range. */
  free(id: number, domain: Domain): number {
    const table = this.#table;
    let start = id;
    const left = table.before[id]!;
    const right = table.after[id]!;
    if (right !== 0 && table.state[right] === freeState && table.domain[right] === domain.index) {
      domain.bins.remove(right);
      table.size[id]! += table.size[right]!;
      table.unlink(right);
      table.destroy(right);
    }
    if (left !== 0 && table.state[left] === freeState && table.domain[left] === domain.index) {
      domain.bins.remove(left);
      table.size[left]! += table.size[id]!;
      table.unlink(id);
      table.destroy(id);
      start = left;
    }
    table.state[start] = freeState;
    table.domain[start] = domain.index;
    table.epoch[start] = domain.epoch;
    domain.bins.insert(start);
    return start;
  }

  /** Allocates `size` granules at a multiple of `alignment` granules; LIVE. Returns 0 when no range fits. */
  allocate(domain: Domain, size: number, alignment: number): number {
    const found = this.#find(domain, size, alignment);
    if (found === 0) return 0;
    domain.bins.remove(found);
    const id = alignment > 1 ? this.#splitFront(found, alignment, domain) : found;
    if (this.#table.size[id]! > size) this.#splitBack(id, size, domain);
    this.#table.state[id] = liveState;
    return id;
  }

  /**
   * Returns the domain whose range fits better, the first when they are equal. Splitting a large range of the
   * stream while an idle hole of the right size exists would leave no large range.
   */
  betterFit(
    own: Domain,
    idle: Domain,
    request: { readonly size: number; readonly alignment: number },
  ): Domain {
    const { size, alignment } = request;
    const ownRange = this.#find(own, size, alignment);
    if (ownRange === 0) return idle;
    if (this.#table.size[ownRange] === size) return own;
    const idleRange = this.#find(idle, size, alignment);
    return idleRange !== 0 && this.#table.size[idleRange]! < this.#table.size[ownRange]! ? idle : own;
  }

  /** Allocates a slot for a small request, in a new run if needed; 0 when no run fits. */
  allocateSlot(domain: Domain, idle: Domain, size: number): number {
    const sizeClass = classOf[size]!;
    const slot = domain.slabs.allocate(sizeClass);
    if (slot !== 0) return slot;
    const runSize = classSizes[sizeClass]! * classSlots[sizeClass]!;
    const source = domain === idle ? idle : this.betterFit(domain, idle, { size: runSize, alignment: 1 });
    const run = this.allocate(source, runSize, 1);
    if (run === 0) return 0;
    this.#table.state[run] = runState;
    this.#table.domain[run] = domain.index;
    domain.slabs.add(run, sizeClass);
    return domain.slabs.allocate(sizeClass);
  }

  #find(domain: Domain, size: number, alignment: number): number {
    return alignment > 1 ? domain.bins.findAligned(size, alignment) : domain.bins.find(size);
  }

  /** Splits off what is before the first multiple of `alignment`; returns the node after it. */
  #splitFront(id: number, alignment: number, domain: Domain): number {
    const table = this.#table;
    const padding = -table.start[id]! & (alignment - 1);
    if (padding === 0) return id;
    const rest = table.create(table.arena[id]!, table.start[id]! + padding, table.size[id]! - padding);
    table.insertAfter(rest, id);
    table.epoch[rest] = table.epoch[id]!;
    table.size[id] = padding;
    domain.bins.insert(id);
    return rest;
  }

  /** Splits off what is after the first `size` granules. */
  #splitBack(id: number, size: number, domain: Domain): void {
    const table = this.#table;
    const rest = table.create(table.arena[id]!, table.start[id]! + size, table.size[id]! - size);
    table.insertAfter(rest, id);
    table.size[id] = size;
    table.state[rest] = freeState;
    table.domain[rest] = domain.index;
    table.epoch[rest] = table.epoch[id]!;
    domain.bins.insert(rest);
  }
}
