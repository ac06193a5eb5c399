import type { BlockTable } from "./block-table.ts";

/** Each power of two is split into this many bins; below it, a bin holds one size. */
const binsPerLevel = 32;
const binBits = 5;
const levelCount = 31 - binBits + 1;

/** The level of a size in granules. */
function levelOf(size: number): number {
  return size < binsPerLevel ? 0 : 31 - Math.clz32(size) - binBits + 1;
}

function slotOf(size: number, level: number): number {
  return level === 0 ? size : (size >>> (level - 1)) & (binsPerLevel - 1);
}

function lowestBit(mask: number): number {
  return 31 - Math.clz32(mask & -mask);
}

/**
 * The free ranges of one domain by size. Two levels of bins with a bitmap each find the first bin that fits
 * in constant time. Inside a bin the sizes are sorted and ranges of equal size are linked to the first of
 * them: the result is the best fit, and the largest range is the last of the last bin.
 * @see docs/decisions/0004-pool-allocator.md
 */
export class FreeBins {
  readonly #table: BlockTable;
  #levels = 0;
  readonly #bins: Int32Array = new Int32Array(levelCount);
  readonly #first: Int32Array = new Int32Array(levelCount * binsPerLevel);
  readonly #last: Int32Array = new Int32Array(levelCount * binsPerLevel);

  constructor(table: BlockTable) {
    this.#table = table;
  }

  insert(id: number): void {
    const table = this.#table;
    const size = table.size[id]!;
    const level = levelOf(size);
    const slot = slotOf(size, level);
    const bin = level * binsPerLevel + slot;
    table.peerPrevious[id] = 0;
    table.peerNext[id] = 0;
    this.#levels |= 1 << level;
    this.#bins[level]! |= 1 << slot;
    let at = this.#first[bin]!;
    let left = 0;
    while (at !== 0 && table.size[at]! < size) {
      left = at;
      at = table.listNext[at]!;
    }
    if (at !== 0 && table.size[at] === size) {
      const peer = table.peerNext[at]!;
      table.peerNext[id] = peer;
      table.peerPrevious[id] = at;
      table.peerNext[at] = id;
      if (peer !== 0) table.peerPrevious[peer] = id;
      return;
    }
    table.listPrevious[id] = left;
    table.listNext[id] = at;
    if (left === 0) this.#first[bin] = id;
    else table.listNext[left] = id;
    if (at === 0) this.#last[bin] = id;
    else table.listPrevious[at] = id;
  }

  remove(id: number): void {
    const table = this.#table;
    const follower = table.peerNext[id]!;
    const leader = table.peerPrevious[id]!;
    if (leader !== 0) {
      table.peerNext[leader] = follower;
      if (follower !== 0) table.peerPrevious[follower] = leader;
      return;
    }
    const size = table.size[id]!;
    const level = levelOf(size);
    const slot = slotOf(size, level);
    const bin = level * binsPerLevel + slot;
    const left = table.listPrevious[id]!;
    const right = table.listNext[id]!;
    if (follower !== 0) {
      table.peerPrevious[follower] = 0;
      table.listPrevious[follower] = left;
      table.listNext[follower] = right;
    }
    const heir = follower === 0 ? right : follower;
    const tail = follower === 0 ? left : follower;
    if (left === 0) this.#first[bin] = heir;
    else table.listNext[left] = heir;
    if (right === 0) this.#last[bin] = tail;
    else table.listPrevious[right] = tail;
    if (this.#first[bin] !== 0) return;
    this.#bins[level]! &= ~(1 << slot);
    if (this.#bins[level] === 0) this.#levels &= ~(1 << level);
  }

  /** Returns the smallest range of at least `size` granules, among equals the one freed last; 0 for none. */
  find(size: number): number {
    const leader = this.#findLeader(size);
    return leader === 0 ? 0 : this.#table.peerNext[leader]! || leader;
  }

  /** Returns the smallest range that fits `size` granules at a multiple of `alignment`; 0 for none. */
  findAligned(size: number, alignment: number): number {
    const { start, size: sizes, listNext, peerNext } = this.#table;
    for (let from = this.#findLeader(size); from !== 0;) {
      for (let leader = from; leader !== 0; leader = listNext[leader]!) {
        for (let id = leader; id !== 0; id = peerNext[id]!) {
          const offset = -start[id]! & (alignment - 1);
          if (offset + size <= sizes[id]!) return id;
        }
        from = leader;
      }
      from = this.#firstAbove(sizes[from]!);
    }
    return 0;
  }

  /** Returns the granules of the largest range; 0 for none. */
  largest(): number {
    if (this.#levels === 0) return 0;
    const level = 31 - Math.clz32(this.#levels);
    const slot = 31 - Math.clz32(this.#bins[level]!);
    return this.#table.size[this.#last[level * binsPerLevel + slot]!]!;
  }

  /** Returns the ids of all ranges. */
  ids(): number[] {
    const { listNext, peerNext } = this.#table;
    const ids: number[] = [];
    for (const first of this.#first) {
      for (let leader = first; leader !== 0; leader = listNext[leader]!) {
        for (let id = leader; id !== 0; id = peerNext[id]!) ids.push(id);
      }
    }
    return ids;
  }

  #findLeader(size: number): number {
    const table = this.#table;
    const level = levelOf(size);
    let id = this.#first[level * binsPerLevel + slotOf(size, level)]!;
    while (id !== 0 && table.size[id]! < size) id = table.listNext[id]!;
    return id === 0 ? this.#firstAbove(size) : id;
  }

  /** Returns the smallest leader in the bins above that of `size`. */
  #firstAbove(size: number): number {
    const level = levelOf(size);
    const slot = slotOf(size, level);
    const rest = this.#bins[level]! & (slot === binsPerLevel - 1 ? 0 : -1 << (slot + 1));
    if (rest !== 0) return this.#first[level * binsPerLevel + lowestBit(rest)]!;
    const levels = this.#levels & (-1 << (level + 1));
    if (levels === 0) return 0;
    const above = lowestBit(levels);
    return this.#first[above * binsPerLevel + lowestBit(this.#bins[above]!)]!;
  }
}
