/** States of a node. */
export const vacantState = 0;
export const freeState = 1;
export const liveState = 2;
/** A range that is split into slots of one size. */
export const runState = 3;
export const slotFreeState = 4;
export const slotLiveState = 5;
/** A freed slot that is pending on the event of another stream. */
export const slotPendingState = 6;
export const reservedState = 7;

/** Ranges count granules in 32-bit integers. */
export const maxGranules: number = 2 ** 31 - 1;
/** Ids are below this; a handle is generation × idRange + id. */
const idRange = 2 ** 26;
const generationRange = 2 ** 26;
const initialCapacity = 1024;

function widen(column: Int32Array, capacity: number): Int32Array {
  const wider = new Int32Array(capacity);
  wider.set(column);
  return wider;
}

/**
 * The ranges of all arenas as columns of integers, so that the hot path allocates no object.
 * Ranges count in granules. Id 0 is no node: a link of 0 is the end of a list.
 */
export class BlockTable {
  /** `(capacity)` first granule in the arena, and length in granules. */
  start: Int32Array = new Int32Array(initialCapacity);
  size: Int32Array = new Int32Array(initialCapacity);
  /** `(capacity)` index of the arena. */
  arena: Int32Array = new Int32Array(initialCapacity);
  state: Int32Array = new Int32Array(initialCapacity);
  /** `(capacity)` neighbours in the arena, by address. */
  before: Int32Array = new Int32Array(initialCapacity);
  after: Int32Array = new Int32Array(initialCapacity);
  /** `(capacity)` links of the list that the node is in: ranges of a bin, runs of a class, slots of a run. */
  listPrevious: Int32Array = new Int32Array(initialCapacity);
  listNext: Int32Array = new Int32Array(initialCapacity);
  /** `(capacity)` for FREE, links among ranges of equal size; for RUN, the first free slot and the number of slots never split off. */
  peerPrevious: Int32Array = new Int32Array(initialCapacity);
  peerNext: Int32Array = new Int32Array(initialCapacity);
  /** `(capacity)` the domain that a free range or a run belongs to. */
  domain: Int32Array = new Int32Array(initialCapacity);
  /** `(capacity)` for FREE, the epoch of its domain when the range was freed; for RUN, live slots. */
  epoch: Int32Array = new Int32Array(initialCapacity);
  /** `(capacity)` for slots, the run; for RUN, the size class. */
  owner: Int32Array = new Int32Array(initialCapacity);
  /** `(capacity)` how often the id was reused; identifies stale handles. */
  generation: Int32Array = new Int32Array(initialCapacity);
  #vacant = 0;
  #used = 1;

  /** Creates a node; its links are 0. */
  create(arena: number, start: number, size: number): number {
    let id = this.#vacant;
    if (id === 0) {
      if (this.#used === this.start.length) this.#grow();
      id = this.#used;
      this.#used += 1;
    } else {
      this.#vacant = this.listNext[id]!;
      this.listNext[id] = 0;
    }
    this.arena[id] = arena;
    this.start[id] = start;
    this.size[id] = size;
    return id;
  }

  destroy(id: number): void {
    this.state[id] = vacantState;
    this.before[id] = 0;
    this.after[id] = 0;
    this.listPrevious[id] = 0;
    this.peerPrevious[id] = 0;
    this.peerNext[id] = 0;
    this.owner[id] = 0;
    this.listNext[id] = this.#vacant;
    this.#vacant = id;
  }

  /** Links a node after another in its arena. */
  insertAfter(id: number, left: number): void {
    const right = this.after[left]!;
    this.before[id] = left;
    this.after[id] = right;
    this.after[left] = id;
    if (right !== 0) this.before[right] = id;
  }

  /** Unlinks a node from its arena. */
  unlink(id: number): void {
    const left = this.before[id]!;
    const right = this.after[id]!;
    if (left !== 0) this.after[left] = right;
    if (right !== 0) this.before[right] = left;
  }

  handleOf(id: number): number {
    return this.generation[id]! * idRange + id;
  }

  /** Returns the id of a handle, or 0 for a stale handle. */
  resolve(handle: number): number {
    const generation = Math.floor(handle / idRange);
    const id = handle - generation * idRange;
    return id > 0 && id < this.#used && this.generation[id] === generation ? id : 0;
  }

  /** Makes every handle of the node stale. */
  invalidate(id: number): void {
    this.generation[id] = (this.generation[id]! + 1) % generationRange;
  }

  #grow(): void {
    const capacity = Math.min(this.start.length * 2, idRange);
    if (this.#used >= capacity) {
      throw new RangeError(`expected at most ${idRange} ranges in one pool, got one more`);
    }
    this.start = widen(this.start, capacity);
    this.size = widen(this.size, capacity);
    this.arena = widen(this.arena, capacity);
    this.state = widen(this.state, capacity);
    this.before = widen(this.before, capacity);
    this.after = widen(this.after, capacity);
    this.listPrevious = widen(this.listPrevious, capacity);
    this.listNext = widen(this.listNext, capacity);
    this.peerPrevious = widen(this.peerPrevious, capacity);
    this.peerNext = widen(this.peerNext, capacity);
    this.domain = widen(this.domain, capacity);
    this.epoch = widen(this.epoch, capacity);
    this.owner = widen(this.owner, capacity);
    this.generation = widen(this.generation, capacity);
  }
}
