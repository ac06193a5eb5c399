/** What a node of the table is. */
export const vacantState = 0;
export const freeState = 1;
export const liveState = 2;
/** A range that is cut into slots of one size. */
export const runState = 3;
export const slotFree = 4;
export const slotLive = 5;
/** A freed slot that waits for the event of another stream. */
export const slotPending = 6;
export const reserved = 7;

/** Ids below this; the generation of a handle counts in multiples of it. */
const idRange = 2 ** 26;
const generationRange = 2 ** 26;
const initialCapacity = 1024;

function widen(column: Int32Array, capacity: number): Int32Array {
  const wider = new Int32Array(capacity);
  wider.set(column);
  return wider;
}

/**
 * Every range of every arena as columns of integers, so that the hot path makes no object.
 * Ranges count in granules. Id 0 is nobody: a link that holds 0 leads nowhere.
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
  /** `(capacity)` links of the list that the node is in: sizes of a bin, runs of a class, slots of a run. */
  listPrevious: Int32Array = new Int32Array(initialCapacity);
  listNext: Int32Array = new Int32Array(initialCapacity);
  /** `(capacity)` for FREE, links among equals in size; for RUN, first free slot and slots never cut. */
  peerPrevious: Int32Array = new Int32Array(initialCapacity);
  peerNext: Int32Array = new Int32Array(initialCapacity);
  /** `(capacity)` the domain that a free range or a run belongs to. */
  domain: Int32Array = new Int32Array(initialCapacity);
  /** `(capacity)` for FREE, when the range was freed, in epochs of its domain; for RUN, live slots. */
  epoch: Int32Array = new Int32Array(initialCapacity);
  /** `(capacity)` for slots, the run; for RUN, the size class. */
  owner: Int32Array = new Int32Array(initialCapacity);
  /** `(capacity)` how often the id was given away; makes a stale handle known. */
  generation: Int32Array = new Int32Array(initialCapacity);
  #vacant = 0;
  #used = 1;

  /** Makes a node; its links are 0. */
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

  /** Links a node behind another in its arena. */
  insertAfter(id: number, left: number): void {
    const right = this.after[left]!;
    this.before[id] = left;
    this.after[id] = right;
    this.after[left] = id;
    if (right !== 0) this.before[right] = id;
  }

  /** Takes a node out of its arena's chain. */
  unlink(id: number): void {
    const left = this.before[id]!;
    const right = this.after[id]!;
    if (left !== 0) this.after[left] = right;
    if (right !== 0) this.before[right] = left;
  }

  handleOf(id: number): number {
    return this.generation[id]! * idRange + id;
  }

  /** The id behind a handle, or 0 when what it named is gone. */
  resolve(handle: number): number {
    const generation = Math.floor(handle / idRange);
    const id = handle - generation * idRange;
    return id > 0 && id < this.#used && this.generation[id] === generation ? id : 0;
  }

  /** Makes every handle of the node stale. */
  retire(id: number): void {
    this.generation[id] = (this.generation[id]! + 1) % generationRange;
  }

  #grow(): void {
    const capacity = Math.min(this.start.length * 2, idRange);
    if (this.#used >= capacity) throw new RangeError(`more than ${idRange} ranges in one pool`);
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
