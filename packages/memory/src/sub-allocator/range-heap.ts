import { type BlockTable, freeState, liveState, runState } from "./block-table.ts";
import type { Domain } from "./domain.ts";
import { classOf, classSizes, classSlots } from "./size-classes.ts";

/**
 * Splits and joins the ranges of the arenas. A free range belongs to a domain: memory that is idle, or
 * memory that one stream freed. Neighbours join only within their domain.
 */
export class RangeHeap {
  readonly #table: BlockTable;

  constructor(table: BlockTable) {
    this.#table = table;
  }

  /** Adds a free range that is already linked into its arena, joining it with its neighbours. */
  release(id: number, domain: Domain): number {
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

  /** Takes `size` granules from a multiple of `alignment` granules on; LIVE. Answers 0 when none fits. */
  take(domain: Domain, size: number, alignment: number): number {
    const found = this.#find(domain, size, alignment);
    if (found === 0) return 0;
    domain.bins.remove(found);
    const id = alignment > 1 ? this.#dropFront(found, alignment, domain) : found;
    if (this.#table.size[id]! > size) this.#dropBack(id, size, domain);
    this.#table.state[id] = liveState;
    return id;
  }

  /**
   * The domain whose range fits better, the first where they are equal. Cutting a large range of a stream's
   * own while a hole of the right size is idle would leave nothing large.
   */
  better(own: Domain, idle: Domain, request: { readonly size: number; readonly alignment: number }): Domain {
    const { size, alignment } = request;
    const ownRange = this.#find(own, size, alignment);
    if (ownRange === 0) return idle;
    if (this.#table.size[ownRange] === size) return own;
    const idleRange = this.#find(idle, size, alignment);
    return idleRange !== 0 && this.#table.size[idleRange]! < this.#table.size[ownRange]! ? idle : own;
  }

  /** Takes a slot for a small request, cutting a new run when that fits; 0 when neither does. */
  takeSmall(domain: Domain, idle: Domain, size: number): number {
    const sizeClass = classOf[size]!;
    const slot = domain.slabs.take(sizeClass);
    if (slot !== 0) return slot;
    const runSize = classSizes[sizeClass]! * classSlots[sizeClass]!;
    const source = domain === idle ? idle : this.better(domain, idle, { size: runSize, alignment: 1 });
    const run = this.take(source, runSize, 1);
    if (run === 0) return 0;
    this.#table.state[run] = runState;
    this.#table.domain[run] = domain.index;
    domain.slabs.add(run, sizeClass);
    return domain.slabs.take(sizeClass);
  }

  #find(domain: Domain, size: number, alignment: number): number {
    return alignment > 1 ? domain.bins.findAligned(size, alignment) : domain.bins.find(size);
  }

  /** Splits off what lies before the first multiple of `alignment`; answers the node behind it. */
  #dropFront(id: number, alignment: number, domain: Domain): number {
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

  /** Splits off what lies behind the first `size` granules. */
  #dropBack(id: number, size: number, domain: Domain): void {
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
