import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSubAllocator, type RangeHandle, type SubAllocator } from "../../src/sub-allocator/index.ts";
import {
  createFakeEvents,
  createFakeSource,
  type FakeArena,
  type FakeSource,
  MemoryModel,
} from "./memory-model.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

function create(
  options: { source?: FakeSource; limitBytes?: number; arenaBytes?: number; retainBytes?: number } = {},
): { ranges: SubAllocator<FakeArena>; source: FakeSource } {
  const source = options.source ?? createFakeSource();
  const ranges = createSubAllocator({
    source,
    granularityBytes: 256,
    limitBytes: options.limitBytes ?? 64 * MIB,
    arenaBytes: options.arenaBytes ?? MIB,
    retainBytes: options.retainBytes ?? Number.POSITIVE_INFINITY,
  });
  return { ranges, source };
}

function take(ranges: SubAllocator<FakeArena>, sizeBytes: number, streamId?: number): RangeHandle {
  const handle = ranges.allocate(sizeBytes, { streamId });
  if (handle === undefined) throw new Error(`no room for ${sizeBytes}`);
  return handle;
}

const sizes = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 40 * KIB }) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 600 * KIB }) },
  { weight: 2, arbitrary: fc.constantFrom(256, 4096, 32 * KIB, 64 * KIB, MIB) },
  { weight: 1, arbitrary: fc.integer({ min: MIB, max: 5 * MIB }) },
);
const operations = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("take" as const),
        sizeBytes: sizes,
        alignment: fc.constantFrom(undefined, 1, 256, 512, 4096, 65536),
        part: fc.constant(0),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant("give" as const),
        sizeBytes: fc.constant(0),
        alignment: fc.constant(undefined),
        part: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("reserve" as const),
        sizeBytes: sizes,
        alignment: fc.constantFrom(undefined, 4096),
        part: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("trim" as const),
        sizeBytes: fc.constant(0),
        alignment: fc.constant(undefined),
        part: fc.constant(0),
      }),
    },
  ),
  { maxLength: 300 },
);

describe.each([
  { name: "separate arenas", isResizable: false },
  { name: "an arena that grows in place", isResizable: true },
])("random operations over $name", ({ isResizable }) => {
  it("never overlaps, keeps alignment, adds up, and joins into one block when all is freed", () => {
    fc.assert(
      fc.property(operations, fc.constantFrom(0, MIB, Number.POSITIVE_INFINITY), (steps, retainBytes) => {
        const source = createFakeSource({ isResizable });
        const { ranges } = create({ source, limitBytes: 24 * MIB, retainBytes });
        const model = new MemoryModel(ranges);
        const live: RangeHandle[] = [];
        const reservations = [];
        for (const { kind, sizeBytes, alignment, part } of steps) {
          if (kind === "take") {
            const handle = ranges.allocate(sizeBytes, { alignmentBytes: alignment });
            if (handle !== undefined) {
              model.take(handle, sizeBytes, Math.max(256, alignment ?? 256));
              live.push(handle);
            } else {
              const { limitBytes, inUseBytes, reservedBytes } = ranges.stats();
              expect(sizeBytes).toBeGreaterThan((limitBytes - inUseBytes - reservedBytes) / 8 - MIB);
            }
          } else if (kind === "give") {
            const [handle] = live.splice(Math.floor(part * live.length), 1);
            if (handle !== undefined) {
              model.give(handle);
              ranges.free(handle);
              expect(() => ranges.free(handle)).toThrow(/freed before/);
            }
          } else if (kind === "reserve") {
            const reservation = ranges.reserve(sizeBytes);
            if (reservation !== undefined) {
              expect(reservation.remainingBytes).toBe(Math.ceil(sizeBytes / 256) * 256);
              const wanted = Math.max(1, Math.floor(part * sizeBytes));
              const handle = reservation.allocate(wanted, alignment);
              if (alignment === undefined) expect(handle).toBeDefined();
              if (handle !== undefined) {
                model.take(handle, wanted, Math.max(256, alignment ?? 256));
                live.push(handle);
              }
              reservations.push(reservation);
            }
          } else {
            ranges.trim();
          }
          model.check();
          expect(ranges.stats().arenaBytes).toBe(
            [...source.arenas].reduce((sum, arena) => sum + arena.sizeBytes, 0),
          );
        }
        for (const reservation of reservations) reservation.release();
        for (const handle of live) {
          model.give(handle);
          ranges.free(handle);
        }
        const { inUseBytes, reservedBytes, liveBlockCount, largestFreeBytes } = ranges.stats();
        expect({ inUseBytes, reservedBytes, liveBlockCount }).toEqual({
          inUseBytes: 0,
          reservedBytes: 0,
          liveBlockCount: 0,
        });
        expect(largestFreeBytes).toBe(Math.max(0, ...[...source.arenas].map((arena) => arena.sizeBytes)));
        ranges.trim();
        expect(source.arenas.size).toBe(0);
        expect(ranges.stats().arenaBytes).toBe(0);
      }),
      { seed: 20_26, numRuns: 150 },
    );
  });
});

describe("placement", () => {
  it("takes the smallest range that fits", () => {
    const { ranges } = create({ arenaBytes: 16 * MIB });
    const blocks = [3, 1, 2, 1, 2.5, 1].map((mib) => take(ranges, mib * MIB));
    for (const index of [0, 2, 4]) ranges.free(blocks[index]!);
    expect(ranges.offsetOf(take(ranges, 2 * MIB))).toBe(4 * MIB);
    expect(ranges.offsetOf(take(ranges, 2.25 * MIB))).toBe(7 * MIB);
    expect(ranges.offsetOf(take(ranges, 2.75 * MIB))).toBe(0);
  });

  it("finds a hole of exactly the size asked for", () => {
    const { ranges } = create({ limitBytes: 4 * MIB, arenaBytes: 4 * MIB });
    const size = MIB + 768;
    const blocks = [size, size, size].map((sizeBytes) => take(ranges, sizeBytes));
    take(ranges, 4 * MIB - 3 * size);
    ranges.free(blocks[1]!);
    expect(ranges.offsetOf(take(ranges, size))).toBe(size);
  });

  it("keeps the small together, apart from the large", () => {
    const { ranges } = create();
    const small = Array.from({ length: 64 }, () => take(ranges, 1000));
    const offsets = small.map((handle) => ranges.offsetOf(handle));
    expect(Math.max(...offsets) - Math.min(...offsets)).toBe(63 * 1024);
  });

  it("serves the small from what is left when no run fits", () => {
    const { ranges } = create({ limitBytes: 4096, arenaBytes: 4096 });
    const handles = Array.from({ length: 16 }, () => take(ranges, 200));
    expect(ranges.stats()).toMatchObject({ inUseBytes: 4096, arenaBytes: 4096 });
    expect(ranges.allocate(1)).toBeUndefined();
    for (const handle of handles) ranges.free(handle);
    expect(ranges.stats().largestFreeBytes).toBe(4096);
  });

  it("gives what is larger than an arena one of its own", () => {
    const { ranges, source } = create();
    take(ranges, 5 * MIB + 1);
    expect([...source.arenas].map((arena) => arena.sizeBytes)).toEqual([5 * MIB + 4096]);
  });

  it("refuses an alignment beyond that of the arenas", () => {
    const { ranges } = create();
    expect(() => ranges.allocate(1, { alignmentBytes: 4 * MIB })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
    expect(() => ranges.allocate(1, { alignmentBytes: 768 })).toThrow(/power of two, found 768/);
  });

  it.each([0, -1, 1.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY])(
    "refuses a size of %s bytes",
    (size) => {
      const { ranges } = create();
      expect(() => ranges.allocate(size)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
      expect(() => ranges.reserve(size)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    },
  );
});

describe("arenas", () => {
  it("stays within the limit, using all of it", () => {
    const { ranges, source } = create({ limitBytes: 5 * MIB, arenaBytes: 2 * MIB });
    for (let index = 0; index < 5; index += 1) take(ranges, MIB);
    expect(ranges.stats()).toMatchObject({ inUseBytes: 5 * MIB, arenaBytes: 5 * MIB, fragmentation: 0 });
    expect(ranges.allocate(1)).toBeUndefined();
    expect(source.arenas.size).toBe(3);
  });

  it("gives empty arenas up for one that fits", () => {
    const { ranges } = create({ limitBytes: 4 * MIB });
    const blocks = [1, 2, 3, 4].map(() => take(ranges, MIB));
    for (const block of blocks) ranges.free(block);
    expect(ranges.allocate(4 * MIB)).toBeDefined();
  });

  it("takes a smaller arena when the system refuses the usual one", () => {
    const source = createFakeSource({ availableBytes: 64 * KIB });
    const { ranges } = create({ source });
    take(ranges, 40 * KIB);
    expect(ranges.stats().arenaBytes).toBe(40 * KIB);
    expect(ranges.allocate(40 * KIB)).toBeUndefined();
    expect(ranges.allocate(20 * KIB)).toBeDefined();
  });

  it("keeps no more empty arenas than it was told to", () => {
    const { ranges, source } = create({ retainBytes: 2 * MIB });
    const blocks = [1, 2, 3, 4, 5].map(() => take(ranges, MIB));
    for (const block of blocks) ranges.free(block);
    expect(source.arenas.size).toBe(2);
    expect(ranges.trim()).toBe(2 * MIB);
  });

  it("grows in place and cuts its end off", () => {
    const source = createFakeSource({ isResizable: true });
    const { ranges } = create({ source });
    const first = take(ranges, MIB);
    const second = take(ranges, 3 * MIB);
    expect(source.arenas.size).toBe(1);
    expect(ranges.offsetOf(second)).toBe(MIB);
    ranges.free(second);
    expect(ranges.trim()).toBe(3 * MIB);
    expect(ranges.stats().arenaBytes).toBe(MIB);
    ranges.free(first);
    expect(ranges.trim()).toBe(MIB);
  });

  it("knows a handle that is stale though its node is used again", () => {
    const { ranges } = create();
    const old = take(ranges, 100 * KIB);
    ranges.free(old);
    const young = take(ranges, 100 * KIB);
    expect(ranges.offsetOf(young)).toBe(0);
    expect(() => ranges.free(old)).toThrow(expect.objectContaining({ code: "DOUBLE_FREE" }));
    expect(() => ranges.offsetOf(old)).toThrow(expect.objectContaining({ code: "DOUBLE_FREE" }));
    ranges.free(young);
  });
});

describe("streams", () => {
  const createWithStreams = (limitBytes = 4 * MIB) => {
    const events = createFakeEvents();
    const ranges = createSubAllocator({
      source: createFakeSource(),
      granularityBytes: 256,
      limitBytes,
      arenaBytes: limitBytes,
      retainBytes: Number.POSITIVE_INFINITY,
      events,
    });
    return { ranges, events };
  };

  it.each([700, MIB])("hands a stream at once what it freed itself, %i bytes", (sizeBytes) => {
    const { ranges, events } = createWithStreams();
    const first = take(ranges, sizeBytes, 1);
    const offset = ranges.offsetOf(first);
    ranges.free(first, 1);
    expect(ranges.offsetOf(take(ranges, sizeBytes, 1))).toBe(offset);
    expect(events.recordedCount).toBe(0);
  });

  it.each([
    ["another stream", 2],
    ["the host", undefined],
  ])("hands %s what a stream freed once an event says so", (_, streamId) => {
    const { ranges, events } = createWithStreams();
    const first = take(ranges, 3 * MIB, 1);
    ranges.free(first, 1);
    const elsewhere = take(ranges, MIB, streamId);
    expect(ranges.offsetOf(elsewhere)).toBe(3 * MIB);
    ranges.reclaim();
    expect(events.recordedCount).toBe(1);
    events.finish(1);
    expect(ranges.offsetOf(take(ranges, 3 * MIB, streamId))).toBe(0);
    expect(events.waitCount).toBe(0);
    expect(events.openCount).toBe(0);
  });

  it("waits for a stream rather than fail", () => {
    const { ranges, events } = createWithStreams();
    ranges.free(take(ranges, 4 * MIB, 1), 1);
    expect(ranges.offsetOf(take(ranges, 4 * MIB, 2))).toBe(0);
    expect(events.waitCount).toBe(1);
  });

  it("does not hand out what was freed after the event", () => {
    const { ranges, events } = createWithStreams();
    const early = take(ranges, MIB, 1);
    const late = take(ranges, 2 * MIB, 1);
    ranges.free(early, 1);
    ranges.reclaim();
    ranges.free(late, 1);
    events.finish(1);
    ranges.reclaim();
    const other = take(ranges, 512 * KIB, 2);
    expect(ranges.offsetOf(other)).toBe(3 * MIB);
  });

  it("keeps a slot from the owner of its run until the stream that used it is done", () => {
    const { ranges, events } = createWithStreams();
    const slots = Array.from({ length: 64 }, () => take(ranges, 256, 1));
    const lent = slots[5]!;
    const offset = ranges.offsetOf(lent);
    ranges.free(lent, 2);
    expect(ranges.offsetOf(take(ranges, 256, 1))).not.toBe(offset);
    ranges.reclaim();
    events.finish(2);
    ranges.reclaim();
    expect(ranges.offsetOf(take(ranges, 256, 1))).toBe(offset);
  });

  it("makes everything idle when a stream is retired", () => {
    const { ranges, events } = createWithStreams();
    const small = Array.from({ length: 70 }, () => take(ranges, 256, 1));
    const large = take(ranges, MIB, 1);
    ranges.free(large, 1);
    ranges.free(small[0]!, 1);
    ranges.retireStream(1);
    for (const handle of small.slice(1)) ranges.free(handle);
    expect(ranges.stats().largestFreeBytes).toBe(4 * MIB);
    expect(events.openCount).toBe(0);
  });

  it("refuses a stream when it has no events", () => {
    const { ranges } = create();
    expect(() => ranges.allocate(1, { streamId: 1 })).toThrow(/without streams/);
  });

  it("never gives one stream what another may still use, whatever the order", () => {
    const step = fc.record({
      kind: fc.constantFrom("take", "take", "give", "give", "finish", "reclaim"),
      streamId: fc.constantFrom(undefined, 1, 2, 3),
      sizeBytes: fc.oneof(fc.integer({ min: 1, max: 8 * KIB }), fc.integer({ min: 1, max: 300 * KIB })),
      part: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 250 }), (steps) => {
        const events = createFakeEvents();
        const ranges = createSubAllocator({
          source: createFakeSource(),
          granularityBytes: 256,
          limitBytes: 6 * MIB,
          arenaBytes: MIB,
          retainBytes: 0,
          events,
        });
        const model = new MemoryModel(ranges);
        const live: RangeHandle[] = [];
        /** Ranges that a stream freed and is not done with: by arena, the stream and when. */
        let busy: { arena: FakeArena; start: number; end: number; streamId: number; at: number }[] = [];
        let clock = 0;
        const recordedAt = new Map<object, { streamId: number; at: number }>();
        const { record, wait, finish } = events;
        const done = (streamId: number, at: number): void => {
          busy = busy.filter((range) => range.streamId !== streamId || range.at > at);
        };
        events.record = (streamId) => {
          const event = record(streamId);
          recordedAt.set(event, { streamId, at: clock });
          return event;
        };
        events.wait = (event) => {
          wait(event);
          const recorded = recordedAt.get(event);
          if (recorded !== undefined) done(recorded.streamId, recorded.at);
        };
        for (const { kind, streamId, sizeBytes, part } of steps) {
          clock += 1;
          if (kind === "take") {
            const handle = ranges.allocate(sizeBytes, { streamId });
            if (handle !== undefined) {
              model.take(handle, sizeBytes, 256);
              live.push(handle);
              const arena = ranges.arenaOf(handle);
              const start = ranges.offsetOf(handle);
              const end = start + ranges.sizeOf(handle);
              for (const range of busy) {
                if (range.arena !== arena || range.end <= start || range.start >= end) continue;
                expect(range.streamId).toBe(streamId);
              }
            }
          } else if (kind === "give") {
            const [handle] = live.splice(Math.floor(part * live.length), 1);
            if (handle !== undefined) {
              const arena = ranges.arenaOf(handle);
              const start = ranges.offsetOf(handle);
              if (streamId !== undefined) {
                busy.push({ arena, start, end: start + ranges.sizeOf(handle), streamId, at: clock });
              }
              model.give(handle);
              ranges.free(handle, streamId);
            }
          } else if (kind === "finish") {
            const latest = [...recordedAt.values()]
              .filter((recorded) => recorded.streamId === streamId)
              .at(-1);
            if (latest !== undefined && streamId !== undefined) {
              finish(streamId);
              done(streamId, latest.at);
            }
          } else {
            ranges.reclaim();
          }
          model.check();
        }
        for (const handle of live) ranges.free(handle);
        for (const streamId of [1, 2, 3]) ranges.retireStream(streamId);
        ranges.trim();
        expect(ranges.stats()).toMatchObject({ inUseBytes: 0, arenaBytes: 0, largestFreeBytes: 0 });
        expect(events.openCount).toBe(0);
      }),
      { seed: 7, numRuns: 200 },
    );
  });
});
