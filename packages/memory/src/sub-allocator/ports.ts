/** Memory that a source mapped; offsets in it start at 0. */
export interface MappedArena {
  readonly sizeBytes: number;
}

/** Where arenas come from: the host's ArrayBuffers, `cuMemAlloc`, CUDA virtual memory management. */
export interface ArenaSource<Arena extends MappedArena> {
  /** Arena sizes are multiples of this; a power of two. */
  readonly granularityBytes: number;
  /** The largest arena. */
  readonly maxArenaBytes: number;
  /** The alignment of offset 0 of every arena; the largest alignment that can be requested. */
  readonly baseAlignmentBytes: number;
  /** Maps at least `sizeBytes`; returns undefined when the system has no more memory. */
  map(sizeBytes: number): Arena | undefined;
  /** Unmaps an arena without live blocks. */
  unmap(arena: Arena): void;
  /**
   * Grows or shrinks an arena in place, at its end; what stays keeps its content. Returns whether it did;
   * `arena.sizeBytes` is then exactly `sizeBytes`. Absent where a source cannot resize.
   */
  resize?(arena: Arena, sizeBytes: number): boolean;
}

/** Records events on streams. `Event` is opaque; each is queried until it is complete, then released. */
export interface EventSource<Event = unknown> {
  /** Records an event behind the work that is queued on the stream. */
  record(streamId: number): Event;
  isComplete(event: Event): boolean;
  /** Blocks until the event is complete. */
  wait(event: Event): void;
  /** Called once for each event, after it is complete. */
  release(event: Event): void;
}
