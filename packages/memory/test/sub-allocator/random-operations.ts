import assert from "node:assert/strict";
import * as fc from "fast-check";
import type {
  RangeHandle,
  SubAllocator,
  SubAllocatorReservation,
} from "../../src/sub-allocator/sub-allocator.ts";
import {
  type FakeArena,
  type FakeEvent,
  type FakeEvents,
  type FakeSource,
  MemoryModel,
} from "./memory-model.ts";

const kib = 1024;
const mib = 1024 * kib;

export interface Operation {
  readonly kind: "allocate" | "free" | "reserve" | "trim";
  readonly sizeBytes: number;
  readonly alignment: number | undefined;
  /** Selects a live range, or a part of the reservation; in [0, 1). */
  readonly part: number;
}

export interface StreamOperation {
  readonly kind: "allocate" | "free" | "finish" | "reclaim";
  readonly streamId: number | undefined;
  readonly sizeBytes: number;
  readonly part: number;
}

const part = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const sizes = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 40 * kib }) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 600 * kib }) },
  { weight: 2, arbitrary: fc.constantFrom(256, 4096, 32 * kib, 64 * kib, mib) },
  { weight: 1, arbitrary: fc.integer({ min: mib, max: 5 * mib }) },
);

export const operations: fc.Arbitrary<readonly Operation[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(
      ...([
        "allocate",
        "allocate",
        "allocate",
        "allocate",
        "free",
        "free",
        "free",
        "reserve",
        "trim",
      ] as const),
    ),
    sizeBytes: sizes,
    alignment: fc.constantFrom(undefined, undefined, undefined, 1, 256, 512, 4096, 65_536),
    part,
  }),
  { maxLength: 400 },
);

export const streamOperations: fc.Arbitrary<readonly StreamOperation[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(
      ...(["allocate", "allocate", "allocate", "free", "free", "finish", "reclaim"] as const),
    ),
    streamId: fc.constantFrom(undefined, 1, 2, 3),
    sizeBytes: fc.oneof(fc.integer({ min: 1, max: 8 * kib }), fc.integer({ min: 1, max: 300 * kib })),
    part,
  }),
  { maxLength: 300 },
);

/** Out of memory is right when no free range fits and no arena that would fit can be mapped. */
function assertNoRoom(ranges: SubAllocator<FakeArena>, source: FakeSource, sizeBytes: number): void {
  const { limitBytes, arenaBytes, largestFreeBytes } = ranges.stats();
  const requiredBytes = Math.ceil(sizeBytes / 256) * 256;
  const mappedBytes = Math.ceil(sizeBytes / source.granularityBytes) * source.granularityBytes;
  assert.ok(
    largestFreeBytes < requiredBytes,
    `${requiredBytes} were refused with ${largestFreeBytes} free in one piece`,
  );
  assert.ok(
    limitBytes - arenaBytes < mappedBytes,
    `${mappedBytes} were refused with ${limitBytes - arenaBytes} not mapped`,
  );
}

/** Runs the operations with a check after each, then frees everything and checks that nothing is left. */
export function runOperations(
  ranges: SubAllocator<FakeArena>,
  source: FakeSource,
  steps: readonly Operation[],
): void {
  const model = new MemoryModel(ranges);
  const live: RangeHandle[] = [];
  const reservations: SubAllocatorReservation[] = [];
  const add = (handle: RangeHandle, sizeBytes: number, alignment: number | undefined): void => {
    model.add(handle, sizeBytes, Math.max(256, alignment ?? 256));
    live.push(handle);
  };
  const allocate = (sizeBytes: number, alignment: number | undefined): void => {
    const handle = ranges.allocate(sizeBytes, { alignmentBytes: alignment });
    if (handle !== undefined) add(handle, sizeBytes, alignment);
    else if ((alignment ?? 1) <= 256) assertNoRoom(ranges, source, sizeBytes);
  };
  const free = (at: number): void => {
    const [handle] = live.splice(at, 1);
    if (handle === undefined) return;
    model.remove(handle);
    ranges.free(handle);
    assert.throws(() => ranges.free(handle), { code: "DOUBLE_FREE" });
  };
  const reserve = ({ sizeBytes, alignment, part }: Operation): void => {
    const reservation = ranges.reserve(sizeBytes);
    if (reservation === undefined) {
      assertNoRoom(ranges, source, sizeBytes);
      return;
    }
    assert.equal(reservation.remainingBytes, Math.ceil(sizeBytes / 256) * 256);
    const partBytes = Math.max(1, Math.floor(part * sizeBytes));
    const handle = reservation.allocate(partBytes, alignment);
    if (handle !== undefined) add(handle, partBytes, alignment);
    else assert.ok((alignment ?? 1) > 256);
    reservations.push(reservation);
    if (reservations.length > 3) reservations.shift()?.release();
  };
  for (const step of steps) {
    if (step.kind === "allocate") allocate(step.sizeBytes, step.alignment);
    else if (step.kind === "free") free(Math.floor(step.part * live.length));
    else if (step.kind === "reserve") reserve(step);
    else ranges.trim();
    model.check();
    const { arenaBytes, reservedBytes } = ranges.stats();
    assert.equal(
      arenaBytes,
      [...source.arenas].reduce((total, arena) => total + arena.sizeBytes, 0),
    );
    assert.equal(
      reservedBytes,
      reservations.reduce((total, each) => total + each.remainingBytes, 0),
    );
  }
  for (const reservation of reservations) reservation.release();
  while (live.length > 0) free(0);
  const { inUseBytes, reservedBytes, liveBlockCount, largestFreeBytes } = ranges.stats();
  assert.deepEqual(
    { inUseBytes, reservedBytes, liveBlockCount },
    { inUseBytes: 0, reservedBytes: 0, liveBlockCount: 0 },
  );
  assert.equal(largestFreeBytes, Math.max(0, ...[...source.arenas].map((arena) => arena.sizeBytes)));
  ranges.trim();
  assert.equal(source.arenas.size, 0);
}

interface BusyRange {
  readonly arena: FakeArena;
  readonly start: number;
  readonly end: number;
  readonly streamId: number;
  readonly freedAt: number;
}

/** Runs the operations and records what each stream freed and still uses: no other stream may get it. */
export function runStreamOperations(
  ranges: SubAllocator<FakeArena>,
  events: FakeEvents,
  steps: readonly StreamOperation[],
): void {
  const model = new MemoryModel(ranges);
  const live: RangeHandle[] = [];
  const recordedAt = new Map<FakeEvent, number>();
  let busy: BusyRange[] = [];
  let clock = 0;
  const complete = (streamId: number, upTo: number): void => {
    busy = busy.filter((range) => range.streamId !== streamId || range.freedAt > upTo);
  };
  events.onRecord = (event) => void recordedAt.set(event, clock);
  events.onWait = (event) => complete(event.streamId, recordedAt.get(event) ?? 0);
  const place = (handle: RangeHandle): { arena: FakeArena; start: number; end: number } => {
    const start = ranges.offsetOf(handle);
    return { arena: ranges.arenaOf(handle), start, end: start + ranges.sizeOf(handle) };
  };
  const allocate = (sizeBytes: number, streamId: number | undefined): void => {
    const handle = ranges.allocate(sizeBytes, { streamId });
    if (handle === undefined) return;
    model.add(handle, sizeBytes, 256);
    live.push(handle);
    const { arena, start, end } = place(handle);
    for (const range of busy) {
      const isApart = range.arena !== arena || range.end <= start || range.start >= end;
      assert.ok(
        isApart || range.streamId === streamId,
        `stream ${streamId} got what stream ${range.streamId} uses`,
      );
    }
  };
  const free = (at: number, streamId: number | undefined): void => {
    const [handle] = live.splice(at, 1);
    if (handle === undefined) return;
    if (streamId !== undefined) busy.push({ ...place(handle), streamId, freedAt: clock });
    model.remove(handle);
    ranges.free(handle, streamId);
  };
  const finish = (streamId: number | undefined): void => {
    if (streamId === undefined) return;
    events.finish(streamId);
    for (const [event, at] of recordedAt) if (event.streamId === streamId) complete(streamId, at);
  };
  for (const { kind, streamId, sizeBytes, part } of steps) {
    clock += 1;
    if (kind === "allocate") allocate(sizeBytes, streamId);
    else if (kind === "free") free(Math.floor(part * live.length), streamId);
    else if (kind === "finish") finish(streamId);
    else ranges.reclaim();
    model.check();
  }
  for (const handle of live) ranges.free(handle);
  for (const streamId of [1, 2, 3]) ranges.retireStream(streamId);
  ranges.trim();
  const { inUseBytes, arenaBytes } = ranges.stats();
  assert.deepEqual({ inUseBytes, arenaBytes }, { inUseBytes: 0, arenaBytes: 0 });
  assert.equal(events.openCount, 0);
}
