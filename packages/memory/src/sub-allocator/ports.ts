/** A stretch of memory that a source mapped; offsets inside it start at 0. */
export interface MappedArena {
  readonly sizeBytes: number;
}

/** Where arenas come from: the host's ArrayBuffers, `cuMemAlloc`, CUDA virtual memory management. */
export interface ArenaSource<Arena extends MappedArena> {
  /** Arena sizes are multiples of this; a power of two. */
  readonly granularityBytes: number;
  /** The largest arena. */
  readonly maxArenaBytes: number;
  /** What offset 0 of every arena is aligned to; the largest alignment that can be asked for. */
  readonly baseAlignmentBytes: number;
  /** Maps at least `sizeBytes`, or answers undefined when the system has no more. */
  map(sizeBytes: number): Arena | undefined;
  /** Takes back an arena in which nothing is live. */
  unmap(arena: Arena): void;
  /**
   * Grows or shrinks an arena at its end, where it lies; what stays keeps its content.
   * Answers whether it did; `arena.sizeBytes` is then exactly `sizeBytes`. Absent where a source cannot.
   */
  resize?(arena: Arena, sizeBytes: number): boolean;
}

/** Marks points in the work of streams. `Event` is opaque; each is asked about until complete, then let go. */
export interface EventSource<Event = unknown> {
  /** Marks everything issued on the stream so far. */
  record(streamId: number): Event;
  isComplete(event: Event): boolean;
  /** Blocks until the event is complete. */
  wait(event: Event): void;
  /** Called once for each event, after it was seen complete. */
  release(event: Event): void;
}
