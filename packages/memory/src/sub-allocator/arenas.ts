import { type BlockTable, freeState, maxGranules, vacantState } from "./block-table.ts";
import type { Domain } from "./domain.ts";
import type { ArenaSource, MappedArena } from "./ports.ts";
import type { RangeHeap } from "./range-heap.ts";

interface ArenaRecord<Arena> {
  readonly arena: Arena;
  /** Granules. */
  size: number;
  /** The node at address 0; it stays there as long as the arena is mapped. */
  readonly first: number;
  /** A node of size 0 after the last. */
  readonly end: number;
}

export interface ArenasOptions<Arena extends MappedArena> {
  readonly source: ArenaSource<Arena>;
  readonly granularityBytes: number;
  readonly limitBytes: number;
  readonly arenaBytes: number;
}

/** The arenas of one pool: mapped when needed, within the limit, and unmapped when empty. */
export class Arenas<Arena extends MappedArena> {
  readonly #table: BlockTable;
  readonly #heap: RangeHeap;
  readonly #idle: Domain;
  readonly #options: ArenasOptions<Arena>;
  readonly #records: (ArenaRecord<Arena> | undefined)[] = [];
  #mappedBytes = 0;

  constructor(parts: { table: BlockTable; heap: RangeHeap; idle: Domain }, options: ArenasOptions<Arena>) {
    this.#table = parts.table;
    this.#heap = parts.heap;
    this.#idle = parts.idle;
    this.#options = options;
  }

  get mappedBytes(): number {
    return this.#mappedBytes;
  }

  arenaAt(index: number): Arena {
    const record = this.#records[index];
    if (record === undefined) throw new RangeError(`expected a mapped arena, got index ${index}`);
    return record.arena;
  }

  /** Maps memory for `size` granules at a multiple of `alignment`; returns whether it did. */
  grow(size: number, alignment: number): boolean {
    return this.#growInPlace(size, alignment) || this.#map(size);
  }

  /** Whether a range spans its whole arena. */
  isWhole(id: number): boolean {
    return this.#records[this.#table.arena[id]!]?.size === this.#table.size[id];
  }

  /** Unmaps empty arenas until at most `retainBytes` are empty. */
  retain(retainBytes: number): void {
    let emptyBytes = 0;
    for (const [index, record] of this.#records.entries()) {
      if (record === undefined || !this.#isEmpty(record)) continue;
      if (emptyBytes + record.arena.sizeBytes > retainBytes) this.#unmap(record, index);
      else emptyBytes += record.arena.sizeBytes;
    }
  }

  /** Unmaps empty arenas and shrinks those with a free end, where the source can; returns the bytes released. */
  trim(): number {
    const before = this.#mappedBytes;
    for (const [index, record] of this.#records.entries()) {
      if (record === undefined) continue;
      if (this.#isEmpty(record)) this.#unmap(record, index);
      else this.#shrink(record);
    }
    return before - this.#mappedBytes;
  }

  /** Unmaps every arena. */
  dispose(): void {
    for (const [index, record] of this.#records.entries()) {
      if (record === undefined) continue;
      this.#records[index] = undefined;
      this.#mappedBytes -= record.arena.sizeBytes;
      this.#options.source.unmap(record.arena);
    }
  }

  #isIdle(id: number): boolean {
    return this.#table.state[id] === freeState && this.#table.domain[id] === this.#idle.index;
  }

  #isEmpty(record: ArenaRecord<Arena>): boolean {
    return this.#table.size[record.first] === record.size && this.#isIdle(record.first);
  }

  #roundUp(sizeBytes: number): number {
    const { granularityBytes } = this.#options.source;
    return Math.ceil(sizeBytes / granularityBytes) * granularityBytes;
  }

  /** The sizes to try for `requiredBytes`: the preferred step, then the minimum. */
  #sizesFor(requiredBytes: number, availableBytes: number): readonly number[] {
    const minimum = this.#roundUp(requiredBytes);
    const available =
      Math.floor(availableBytes / this.#options.source.granularityBytes) *
      this.#options.source.granularityBytes;
    if (minimum > available) return [];
    const preferred = Math.min(Math.max(minimum, this.#roundUp(this.#options.arenaBytes)), available);
    return preferred === minimum ? [minimum] : [preferred, minimum];
  }

  #map(size: number): boolean {
    const { source, granularityBytes, limitBytes } = this.#options;
    const most = Math.min(
      limitBytes - this.#mappedBytes,
      source.maxArenaBytes,
      maxGranules * granularityBytes,
    );
    for (const sizeBytes of this.#sizesFor(size * granularityBytes, most)) {
      const arena = source.map(sizeBytes);
      if (arena !== undefined) {
        this.#add(arena);
        return true;
      }
    }
    return false;
  }

  #add(arena: Arena): void {
    const free = this.#records.indexOf(undefined);
    const index = free === -1 ? this.#records.length : free;
    const size = Math.floor(arena.sizeBytes / this.#options.granularityBytes);
    const first = this.#table.create(index, 0, size);
    const end = this.#table.create(index, size, 0);
    this.#table.state[end] = vacantState;
    this.#table.insertAfter(end, first);
    this.#records[index] = { arena, size, first, end };
    this.#mappedBytes += arena.sizeBytes;
    this.#heap.free(first, this.#idle);
  }

  #unmap(record: ArenaRecord<Arena>, index: number): void {
    this.#idle.bins.remove(record.first);
    this.#table.destroy(record.first);
    this.#table.destroy(record.end);
    this.#records[index] = undefined;
    this.#mappedBytes -= record.arena.sizeBytes;
    this.#options.source.unmap(record.arena);
  }

  #growInPlace(size: number, alignment: number): boolean {
    const { source, granularityBytes, limitBytes } = this.#options;
    if (source.resize === undefined) return false;
    for (const [index, record] of this.#records.entries()) {
      if (record === undefined) continue;
      const last = this.#table.before[record.end]!;
      const from = this.#isIdle(last) ? this.#table.start[last]! : record.size;
      const padding = -from & (alignment - 1);
      const oldBytes = record.arena.sizeBytes;
      const most = Math.min(
        oldBytes + limitBytes - this.#mappedBytes,
        source.maxArenaBytes,
        maxGranules * granularityBytes,
      );
      const needed = (from + padding + size) * granularityBytes;
      for (const growth of this.#sizesFor(needed - oldBytes, most - oldBytes)) {
        if (!source.resize(record.arena, oldBytes + growth)) continue;
        this.#extend(record, index);
        this.#mappedBytes += growth;
        return true;
      }
    }
    return false;
  }

  #extend(record: ArenaRecord<Arena>, index: number): void {
    const table = this.#table;
    const size = Math.floor(record.arena.sizeBytes / this.#options.granularityBytes);
    const added = table.create(index, record.size, size - record.size);
    table.insertAfter(added, table.before[record.end]!);
    table.start[record.end] = size;
    record.size = size;
    this.#heap.free(added, this.#idle);
  }

  #shrink(record: ArenaRecord<Arena>): void {
    const { source, granularityBytes } = this.#options;
    const table = this.#table;
    const last = table.before[record.end]!;
    if (source.resize === undefined || !this.#isIdle(last)) return;
    const oldBytes = record.arena.sizeBytes;
    const sizeBytes = this.#roundUp(table.start[last]! * granularityBytes);
    if (sizeBytes >= oldBytes || !source.resize(record.arena, sizeBytes)) return;
    const size = Math.floor(sizeBytes / granularityBytes);
    this.#idle.bins.remove(last);
    table.size[last] = size - table.start[last]!;
    if (table.size[last] === 0) {
      table.unlink(last);
      table.destroy(last);
    } else {
      this.#idle.bins.insert(last);
    }
    table.start[record.end] = size;
    record.size = size;
    this.#mappedBytes += sizeBytes - oldBytes;
  }
}
