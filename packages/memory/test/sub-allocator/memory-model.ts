import type { ArenaSource, EventSource, MappedArena } from "../../src/sub-allocator/ports.ts";
import type { RangeHandle, SubAllocator } from "../../src/sub-allocator/sub-allocator.ts";

/** An arena without memory. */
export interface FakeArena extends MappedArena {
  readonly id: number;
  sizeBytes: number;
  isMapped: boolean;
}

export interface FakeSource extends ArenaSource<FakeArena> {
  readonly arenas: Set<FakeArena>;
  /** The free bytes of the "system"; `map` and `resize` fail beyond it. */
  availableBytes: number;
}

export function createFakeSource(
  options: { isResizable?: boolean; granularityBytes?: number; availableBytes?: number } = {},
): FakeSource {
  const arenas = new Set<FakeArena>();
  let nextId = 0;
  const source: FakeSource = {
    arenas,
    availableBytes: options.availableBytes ?? Number.MAX_SAFE_INTEGER,
    granularityBytes: options.granularityBytes ?? 4096,
    maxArenaBytes: 2 ** 40,
    baseAlignmentBytes: 2 ** 21,
    map(sizeBytes) {
      if (sizeBytes > source.availableBytes) return undefined;
      if (sizeBytes % source.granularityBytes !== 0) throw new Error(`mapped ${sizeBytes}`);
      source.availableBytes -= sizeBytes;
      const arena: FakeArena = { id: nextId, sizeBytes, isMapped: true };
      nextId += 1;
      arenas.add(arena);
      return arena;
    },
    unmap(arena) {
      if (!arena.isMapped) throw new Error(`arena ${arena.id} was unmapped twice`);
      arena.isMapped = false;
      source.availableBytes += arena.sizeBytes;
      arenas.delete(arena);
    },
  };
  if (options.isResizable === true) {
    source.resize = (arena, sizeBytes) => {
      if (!arena.isMapped || sizeBytes % source.granularityBytes !== 0) {
        throw new Error(`resized to ${sizeBytes}`);
      }
      if (sizeBytes - arena.sizeBytes > source.availableBytes) return false;
      source.availableBytes -= sizeBytes - arena.sizeBytes;
      arena.sizeBytes = sizeBytes;
      return true;
    };
  }
  return source;
}

export interface FakeEvent {
  readonly streamId: number;
  isComplete: boolean;
}

/** Streams whose work the test completes. */
export interface FakeEvents extends EventSource<FakeEvent> {
  /** Everything recorded on the stream is complete. */
  finish(streamId: number): void;
  readonly recordedCount: number;
  readonly openCount: number;
  readonly waitCount: number;
  /** Called with each event that is recorded, and with each that is awaited. */
  onRecord?: (event: FakeEvent) => void;
  onWait?: (event: FakeEvent) => void;
}

export function createFakeEvents(): FakeEvents {
  const open = new Set<FakeEvent>();
  let recordedCount = 0;
  let waitCount = 0;
  const events: FakeEvents = {
    record(streamId) {
      const event = { streamId, isComplete: false };
      open.add(event);
      recordedCount += 1;
      events.onRecord?.(event);
      return event;
    },
    isComplete: (event) => event.isComplete,
    wait(event) {
      waitCount += 1;
      event.isComplete = true;
      events.onWait?.(event);
    },
    release(event) {
      if (!open.delete(event)) throw new Error("an event was released twice");
    },
    finish(streamId) {
      for (const event of open) if (event.streamId === streamId) event.isComplete = true;
    },
    get recordedCount() {
      return recordedCount;
    },
    get openCount() {
      return open.size;
    },
    get waitCount() {
      return waitCount;
    },
  };
  return events;
}

interface ModelRange {
  readonly handle: RangeHandle;
  readonly arena: FakeArena;
  readonly start: number;
  readonly end: number;
}

/** A model of the live ranges; throws when a new one violates an invariant. */
export class MemoryModel {
  readonly #ranges: SubAllocator<FakeArena>;
  readonly #byArena: Map<FakeArena, ModelRange[]> = new Map();
  liveBytes = 0;
  liveCount = 0;

  constructor(ranges: SubAllocator<FakeArena>) {
    this.#ranges = ranges;
  }

  add(handle: RangeHandle, sizeBytes: number, alignmentBytes: number): void {
    const arena = this.#ranges.arenaOf(handle);
    const start = this.#ranges.offsetOf(handle);
    const capacity = this.#ranges.sizeOf(handle);
    const end = start + capacity;
    if (!arena.isMapped) throw new Error(`arena ${arena.id} is not mapped`);
    if (capacity < sizeBytes) throw new Error(`got ${capacity} bytes for ${sizeBytes}`);
    if (start % alignmentBytes !== 0) throw new Error(`${start} is not aligned to ${alignmentBytes}`);
    if (start < 0 || end > arena.sizeBytes) throw new Error(`${start}..${end} leaves ${arena.sizeBytes}`);
    let list = this.#byArena.get(arena);
    if (list === undefined) this.#byArena.set(arena, (list = []));
    let at = 0;
    for (let high = list.length; at < high;) {
      const middle = (at + high) >>> 1;
      if ((list[middle]?.start ?? 0) < start) at = middle + 1;
      else high = middle;
    }
    const left = list[at - 1];
    const right = list[at];
    if ((left !== undefined && left.end > start) || (right !== undefined && right.start < end)) {
      throw new Error(
        `${start}..${end} overlaps ${left?.start}..${left?.end} or ${right?.start}..${right?.end}`,
      );
    }
    list.splice(at, 0, { handle, arena, start, end });
    this.liveBytes += capacity;
    this.liveCount += 1;
  }

  remove(handle: RangeHandle): void {
    const arena = this.#ranges.arenaOf(handle);
    const list = this.#byArena.get(arena) ?? [];
    const at = list.findIndex((range) => range.handle === handle);
    const range = list[at];
    if (range === undefined) throw new Error(`handle ${handle} is not live`);
    list.splice(at, 1);
    this.liveBytes -= range.end - range.start;
    this.liveCount -= 1;
  }

  /** Throws when a total is wrong. */
  check(): void {
    const stats = this.#ranges.stats();
    const arenaBytes = [...this.#byArena.keys()].filter((arena) => arena.isMapped);
    if (stats.inUseBytes !== this.liveBytes) {
      throw new Error(`in use ${stats.inUseBytes}, model ${this.liveBytes}`);
    }
    if (stats.liveBlockCount !== this.liveCount) throw new Error(`live ${stats.liveBlockCount}`);
    if (stats.inUseBytes + stats.reservedBytes > stats.arenaBytes) throw new Error("more in use than mapped");
    if (stats.arenaBytes > stats.limitBytes) {
      throw new Error(`mapped ${stats.arenaBytes} of ${stats.limitBytes}`);
    }
    if (stats.peakInUseBytes < stats.inUseBytes) throw new Error("the peak is below what is in use");
    if (stats.fragmentation < 0 || stats.fragmentation > 1) {
      throw new Error(`fragmentation ${stats.fragmentation}`);
    }
    for (const arena of arenaBytes) {
      const list = this.#byArena.get(arena) ?? [];
      if ((list.at(-1)?.end ?? 0) > arena.sizeBytes) throw new Error("a live range was cut off");
    }
  }
}
