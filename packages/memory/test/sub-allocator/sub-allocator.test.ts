import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { operations, runOperations, runStreamOperations, streamOperations } from "./random-operations.ts";
import {
  createSubAllocator,
  type RangeHandle,
  type SubAllocator,
} from "../../src/sub-allocator/sub-allocator.ts";
import { createFakeEvents, createFakeSource, type FakeArena, type FakeSource } from "./memory-model.ts";

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

function create(
  options: { source?: FakeSource; limitBytes?: number; arenaBytes?: number; retainBytes?: number } = {},
): { ranges: SubAllocator<FakeArena>; source: FakeSource } {
  const source = options.source ?? createFakeSource();
  const ranges = createSubAllocator({
    source,
    granularityBytes: 256,
    limitBytes: options.limitBytes ?? 64 * mebibyte,
    arenaBytes: options.arenaBytes ?? mebibyte,
    retainBytes: options.retainBytes ?? Number.POSITIVE_INFINITY,
  });
  return { ranges, source };
}

function allocate(ranges: SubAllocator<FakeArena>, sizeBytes: number, streamId?: number): RangeHandle {
  const handle = ranges.allocate(sizeBytes, { streamId });
  if (handle === undefined) throw new Error(`no room for ${sizeBytes}`);
  return handle;
}

describe.each([
  { name: "separate arenas", isResizable: false },
  { name: "an arena that grows in place", isResizable: true },
])("random operations over $name", ({ isResizable }) => {
  it("never overlap, are aligned, add up, fail only when out of memory, and coalesce into one block", () => {
    fc.assert(
      fc.property(
        operations,
        fc.constantFrom(0, mebibyte, Number.POSITIVE_INFINITY),
        (steps, retainBytes) => {
          const source = createFakeSource({ isResizable });
          const { ranges } = create({ source, limitBytes: 24 * mebibyte, retainBytes });
          runOperations(ranges, source, steps);
        },
      ),
      { seed: 2026, numRuns: 200 },
    );
  });
});

describe("placement", () => {
  it("allocates in the smallest range that fits", () => {
    const { ranges } = create({ arenaBytes: 16 * mebibyte });
    const blocks = [3, 1, 2, 1, 2.5, 1].map((mib) => allocate(ranges, mib * mebibyte));
    for (const [index, block] of blocks.entries()) if (index % 2 === 0) ranges.free(block);
    expect(ranges.offsetOf(allocate(ranges, 2 * mebibyte))).toBe(4 * mebibyte);
    expect(ranges.offsetOf(allocate(ranges, 2.25 * mebibyte))).toBe(7 * mebibyte);
    expect(ranges.offsetOf(allocate(ranges, 2.75 * mebibyte))).toBe(0);
  });

  it("finds a hole of exactly the requested size", () => {
    const { ranges } = create({ limitBytes: 4 * mebibyte, arenaBytes: 4 * mebibyte });
    const size = mebibyte + 768;
    allocate(ranges, size);
    const middle = allocate(ranges, size);
    allocate(ranges, size);
    allocate(ranges, 4 * mebibyte - 3 * size);
    ranges.free(middle);
    expect(ranges.offsetOf(allocate(ranges, size))).toBe(size);
  });

  it("keeps small blocks together, apart from large ones", () => {
    const { ranges } = create();
    const small = Array.from({ length: 64 }, () => allocate(ranges, 1000));
    const offsets = small.map((handle) => ranges.offsetOf(handle));
    expect(Math.max(...offsets) - Math.min(...offsets)).toBe(63 * 1024);
  });

  it("allocates a small block in a range when no run fits", () => {
    const { ranges } = create({ limitBytes: 4096, arenaBytes: 4096 });
    const handles = Array.from({ length: 16 }, () => allocate(ranges, 200));
    expect(ranges.stats()).toMatchObject({ inUseBytes: 4096, arenaBytes: 4096 });
    expect(ranges.allocate(1)).toBeUndefined();
    for (const handle of handles) ranges.free(handle);
    expect(ranges.stats().largestFreeBytes).toBe(4096);
  });

  it("maps an arena for a block larger than an arena", () => {
    const { ranges, source } = create();
    allocate(ranges, 5 * mebibyte + 1);
    expect([...source.arenas].map((arena) => arena.sizeBytes)).toEqual([5 * mebibyte + 4096]);
  });

  it("refuses an alignment beyond that of the arenas", () => {
    const { ranges } = create();
    expect(() => ranges.allocate(1, { alignmentBytes: 4 * mebibyte })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
    expect(() => ranges.allocate(1, { alignmentBytes: 768 })).toThrow(/power of two, got 768/);
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
    const { ranges, source } = create({ limitBytes: 5 * mebibyte, arenaBytes: 2 * mebibyte });
    for (let index = 0; index < 5; index += 1) allocate(ranges, mebibyte);
    expect(ranges.stats()).toMatchObject({
      inUseBytes: 5 * mebibyte,
      arenaBytes: 5 * mebibyte,
      fragmentation: 0,
    });
    expect(ranges.allocate(1)).toBeUndefined();
    expect(source.arenas.size).toBe(3);
  });

  it("unmaps empty arenas for one that fits", () => {
    const { ranges } = create({ limitBytes: 4 * mebibyte });
    const blocks = [1, 2, 3, 4].map(() => allocate(ranges, mebibyte));
    for (const block of blocks) ranges.free(block);
    expect(ranges.allocate(4 * mebibyte)).toBeDefined();
  });

  it("maps a smaller arena when the system refuses the preferred size", () => {
    const source = createFakeSource({ availableBytes: 64 * kibibyte });
    const { ranges } = create({ source });
    allocate(ranges, 40 * kibibyte);
    expect(ranges.stats().arenaBytes).toBe(40 * kibibyte);
    expect(ranges.allocate(40 * kibibyte)).toBeUndefined();
    expect(ranges.allocate(20 * kibibyte)).toBeDefined();
  });

  it("keeps no more empty arenas than retainBytes", () => {
    const { ranges, source } = create({ retainBytes: 2 * mebibyte });
    const blocks = [1, 2, 3, 4, 5].map(() => allocate(ranges, mebibyte));
    for (const block of blocks) ranges.free(block);
    expect(source.arenas.size).toBe(2);
    expect(ranges.trim()).toBe(2 * mebibyte);
  });

  it("grows in place and shrinks at its end", () => {
    const source = createFakeSource({ isResizable: true });
    const { ranges } = create({ source });
    const first = allocate(ranges, mebibyte);
    const second = allocate(ranges, 3 * mebibyte);
    expect(source.arenas.size).toBe(1);
    expect(ranges.offsetOf(second)).toBe(mebibyte);
    ranges.free(second);
    expect(ranges.trim()).toBe(3 * mebibyte);
    expect(ranges.stats().arenaBytes).toBe(mebibyte);
    ranges.free(first);
    expect(ranges.trim()).toBe(mebibyte);
  });

  it("grows by the padding of the alignment, too", () => {
    const source = createFakeSource({ isResizable: true });
    const { ranges } = create({ source, arenaBytes: 4096 });
    allocate(ranges, 40 * kibibyte);
    const aligned = ranges.allocate(mebibyte, { alignmentBytes: 64 * kibibyte });
    expect(aligned === undefined ? undefined : ranges.offsetOf(aligned)).toBe(64 * kibibyte);
  });

  it("detects a stale handle when its node is reused", () => {
    const { ranges } = create();
    const old = allocate(ranges, 100 * kibibyte);
    ranges.free(old);
    const young = allocate(ranges, 100 * kibibyte);
    expect(ranges.offsetOf(young)).toBe(0);
    expect(() => ranges.free(old)).toThrow(expect.objectContaining({ code: "DOUBLE_FREE" }));
    expect(() => ranges.offsetOf(old)).toThrow(expect.objectContaining({ code: "DOUBLE_FREE" }));
    ranges.free(young);
  });
});

describe("streams", () => {
  const createWithStreams = (limitBytes = 4 * mebibyte) => {
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

  it.each([700, mebibyte])("reuses at once what the same stream freed, %i bytes", (sizeBytes) => {
    const { ranges, events } = createWithStreams();
    const first = allocate(ranges, sizeBytes, 1);
    const offset = ranges.offsetOf(first);
    ranges.free(first, 1);
    expect(ranges.offsetOf(allocate(ranges, sizeBytes, 1))).toBe(offset);
    expect(events.recordedCount).toBe(0);
  });

  it.each([
    ["another stream", 2],
    ["the host", undefined],
  ])("reuses for %s what a stream freed once an event is complete", (_, streamId) => {
    const { ranges, events } = createWithStreams();
    const first = allocate(ranges, 3 * mebibyte, 1);
    ranges.free(first, 1);
    const elsewhere = allocate(ranges, mebibyte, streamId);
    expect(ranges.offsetOf(elsewhere)).toBe(3 * mebibyte);
    ranges.reclaim();
    expect(events.recordedCount).toBe(1);
    events.finish(1);
    expect(ranges.offsetOf(allocate(ranges, 3 * mebibyte, streamId))).toBe(0);
    expect(events.waitCount).toBe(0);
    expect(events.openCount).toBe(0);
  });

  it("waits for a stream before it fails", () => {
    const { ranges, events } = createWithStreams();
    ranges.free(allocate(ranges, 4 * mebibyte, 1), 1);
    expect(ranges.offsetOf(allocate(ranges, 4 * mebibyte, 2))).toBe(0);
    expect(events.waitCount).toBe(1);
  });

  it("does not reuse what was freed after the event", () => {
    const { ranges, events } = createWithStreams();
    const early = allocate(ranges, mebibyte, 1);
    const late = allocate(ranges, 2 * mebibyte, 1);
    ranges.free(early, 1);
    ranges.reclaim();
    ranges.free(late, 1);
    events.finish(1);
    ranges.reclaim();
    const other = allocate(ranges, 512 * kibibyte, 2);
    expect(ranges.offsetOf(other)).toBe(3 * mebibyte);
  });

  it("keeps a slot from the owner of its run until the stream that freed it is done", () => {
    const { ranges, events } = createWithStreams();
    for (let slot = 0; slot < 63; slot += 1) allocate(ranges, 256, 1);
    const lent = allocate(ranges, 256, 1);
    const offset = ranges.offsetOf(lent);
    ranges.free(lent, 2);
    expect(ranges.offsetOf(allocate(ranges, 256, 1))).not.toBe(offset);
    ranges.reclaim();
    events.finish(2);
    ranges.reclaim();
    expect(ranges.offsetOf(allocate(ranges, 256, 1))).toBe(offset);
  });

  it("makes everything idle when a stream is retired", () => {
    const { ranges, events } = createWithStreams();
    const first = allocate(ranges, 256, 1);
    const small = Array.from({ length: 69 }, () => allocate(ranges, 256, 1));
    const large = allocate(ranges, mebibyte, 1);
    ranges.free(large, 1);
    ranges.free(first, 1);
    ranges.retireStream(1);
    for (const handle of small) ranges.free(handle);
    expect(ranges.stats().largestFreeBytes).toBe(4 * mebibyte);
    expect(events.openCount).toBe(0);
  });

  it("refuses a stream without stream events", () => {
    const { ranges } = create();
    expect(() => ranges.allocate(1, { streamId: 1 })).toThrow(/without stream events, got 1/);
  });

  it("never reuse for one stream what another may still use, in any order", () => {
    fc.assert(
      fc.property(streamOperations, (steps) => {
        const events = createFakeEvents();
        const ranges = createSubAllocator({
          source: createFakeSource(),
          granularityBytes: 256,
          limitBytes: 6 * mebibyte,
          arenaBytes: mebibyte,
          retainBytes: 0,
          events,
        });
        runStreamOperations(ranges, events, steps);
      }),
      { seed: 7, numRuns: 300 },
    );
  });
});
