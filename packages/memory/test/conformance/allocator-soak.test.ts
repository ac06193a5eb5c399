import { describe, expect, it } from "vitest";
import { createHostMemoryPool, type GpuAllocator, type HostMemoryBlock } from "../../src/index.ts";
import { soakAllocator, type SoakOptions } from "../../src/testing.ts";
import { testDevice as device } from "../support/test-device.ts";

const mib = 2 ** 20;

function soak(allocator: GpuAllocator<HostMemoryBlock>, more: Partial<SoakOptions<HostMemoryBlock>> = {}) {
  return soakAllocator({
    allocator,
    operationCount: 30_000,
    seed: 1,
    maxBlockBytes: mib,
    addressOf: ({ bytes }) => ({ space: bytes.buffer, start: bytes.byteOffset }),
    mark({ bytes }, id) {
      bytes[0] = id;
      bytes[bytes.length - 1] = id;
    },
    verify({ bytes }, id) {
      if (bytes.at(-1) !== (id & 255)) throw new Error(`block ${id} was written over`);
    },
    ...more,
  });
}

describe("soakAllocator", () => {
  it.each([1, 2, 3])("finds no fault in the host pool, seed %i", (seed) => {
    using pool = createHostMemoryPool({
      device,
      limitBytes: 24 * mib,
      arenaBytes: 4 * mib,
      retainBytes: 8 * mib,
    });
    const result = soak(pool, { seed });
    expect(result.refusedCount).toBeGreaterThan(0);
    expect(result.allocationCount).toBe(result.freeCount);
    expect(result.peakInUseBytes).toBeGreaterThan(20 * mib);
  });

  it("detects blocks that overlap", () => {
    using pool = createHostMemoryPool({ device, limitBytes: 24 * mib, events: { emit() {} } });
    const addressOf = (): { space: unknown; start: number } => ({ space: "one", start: 0 });
    expect(() => soak(pool, { addressOf })).toThrow(/overlaps/);
  });

  it("detects a pool with wrong totals", () => {
    using pool = createHostMemoryPool({ device, limitBytes: 24 * mib, events: { emit() {} } });
    using other = pool.allocate({ sizeBytes: 10, tag: { model: "other", purpose: "other" } });
    expect(() => soak(pool)).toThrow(/strictly equal/);
    expect(other.isDisposed).toBe(false);
  });
});
