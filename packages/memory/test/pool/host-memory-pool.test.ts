import { constants } from "node:buffer";
import koffi from "koffi";
import { describe, expect, it } from "vitest";
import {
  type AllocationTag,
  createHostMemoryPool,
  createMemoryTracker,
  type HostMemoryBlock,
  type MemoryEvent,
} from "../../src/index.ts";
import { allocatorCases } from "../../src/testing.ts";
import { testDevice as device } from "../support/test-device.ts";

const mib = 2 ** 20;
const weights: AllocationTag = { model: "llama", purpose: "weights" };
const cache: AllocationTag = { model: "llama", purpose: "kv-cache" };

describe.each([
  { name: "with offsets aligned", addressOf: undefined },
  { name: "with addresses aligned", addressOf: (buffer: ArrayBuffer): bigint => koffi.address(buffer) },
])("a host pool $name", ({ addressOf }) => {
  const cases = allocatorCases<HostMemoryBlock>({
    create: (setup) => createHostMemoryPool({ ...setup, device, addressOf, events: { emit() {} } }),
    write: (block, bytes) => block.bytes.set(bytes),
    read: (block) => block.bytes,
    touch: (block) => void block.bytes,
  });
  it.each(cases)("$name", (each) => {
    expect(() => each.run()).not.toThrow();
  });
});

describe("createHostMemoryPool", () => {
  it("aligns the offsets of views", () => {
    using pool = createHostMemoryPool({ device });
    for (const alignmentBytes of [1, 256, 1024, 4096]) {
      pool.allocate({ sizeBytes: 10, tag: weights }).dispose();
      using block = pool.allocate({ sizeBytes: 100, tag: weights, alignmentBytes });
      expect(block.bytes.byteOffset % Math.max(256, alignmentBytes)).toBe(0);
      expect(block.bytes).toBe(block.bytes);
    }
  });

  it("aligns addresses with addressOf", () => {
    using pool = createHostMemoryPool({ device, addressOf: (buffer) => koffi.address(buffer) });
    for (const sizeBytes of [100, 300_000, 40 * mib]) {
      using block = pool.allocate({ sizeBytes, tag: weights, alignmentBytes: 4096 });
      expect(koffi.address(block.bytes) % 4096n).toBe(0n);
    }
  });

  it("refuses a block that is too large for one view", () => {
    using pool = createHostMemoryPool({ device, limitBytes: 2 ** 50 });
    expect(() => pool.allocate({ sizeBytes: constants.MAX_LENGTH + 1, tag: weights })).toThrow(
      expect.objectContaining({
        code: "BLOCK_TOO_LARGE",
        message: expect.stringContaining(String(constants.MAX_LENGTH)),
      }),
    );
  });

  it("lists usage by tag when out of memory", () => {
    using pool = createHostMemoryPool({ device, limitBytes: 16 * mib });
    using first = pool.allocate({ sizeBytes: 10 * mib, tag: weights });
    using second = pool.allocate({ sizeBytes: mib, tag: { ...cache, label: "layer 0" } });
    expect(() => pool.allocate({ sizeBytes: 8 * mib, tag: cache })).toThrow(
      "expected 8.00 MiB free on cpu, got 5.00 MiB (largest block 5.00 MiB) of a limit of 16.0 MiB; " +
        "in use 11.0 MiB, reserved 0 B; allocated: llama/weights 10.0 MiB in 1 block, llama/kv-cache/layer 0 1.00 MiB in 1 block",
    );
    expect(pool.usageByTag().map((holder) => holder.sizeBytes)).toEqual([first.sizeBytes, second.sizeBytes]);
  });

  it("refuses blocks of other pools", () => {
    using pool = createHostMemoryPool({ device });
    using other = createHostMemoryPool({ device });
    using elsewhere = createHostMemoryPool({ device: { ...device, id: "cpu:1" } });
    using foreign = other.allocate({ sizeBytes: 10, tag: weights });
    using far = elsewhere.allocate({ sizeBytes: 10, tag: weights });
    const own = pool.allocate({ sizeBytes: 10, tag: weights });
    expect(() => pool.free(foreign)).toThrow(expect.objectContaining({ code: "FOREIGN_BLOCK" }));
    expect(() => pool.free(far)).toThrow(expect.objectContaining({ code: "WRONG_DEVICE" }));
    const impostor = {
      sizeBytes: 1,
      tag: weights,
      deviceId: "cpu",
      isDisposed: false,
      dispose() {},
      [Symbol.dispose]() {},
    };
    expect(() => pool.free(impostor)).toThrow(expect.objectContaining({ code: "FOREIGN_BLOCK" }));
    pool.free(own);
    expect(() => pool.free(own)).toThrow(expect.objectContaining({ code: "DOUBLE_FREE" }));
    expect(foreign.isDisposed).toBe(false);
  });

  it("reports leaks by tag when it is disposed", () => {
    const events: MemoryEvent[] = [];
    const tracker = createMemoryTracker();
    const pool = createHostMemoryPool({
      device,
      ledger: tracker,
      events: { emit: (...event) => void events.push(event) },
    });
    pool.allocate({ sizeBytes: 1024, tag: weights });
    pool.allocate({ sizeBytes: 2048, tag: cache });
    pool.allocate({ sizeBytes: 2048, tag: { ...cache } });
    pool.dispose();
    expect(events).toEqual([
      [
        "memory:leaks-found",
        {
          deviceId: "cpu",
          totalBytes: 5120,
          blockCount: 3,
          usageByTag: [
            { tag: cache, sizeBytes: 4096, blockCount: 2 },
            { tag: weights, sizeBytes: 1024, blockCount: 1 },
          ],
        },
      ],
    ]);
    expect(tracker.snapshot().measuredBytes).toBe(0);
  });

  it("warns about leaks without an event sink", async () => {
    const warned = new Promise<Error>((resolve) => void process.once("warning", resolve));
    const pool = createHostMemoryPool({ device });
    pool.allocate({ sizeBytes: 1024, tag: weights });
    pool.dispose();
    await expect(warned).resolves.toMatchObject({
      name: "MemoryLeakWarning",
      code: "INFERNODE_MEMORY_LEAK",
      message: expect.stringContaining("llama/weights 1.00 KiB in 1 block"),
    });
  });

  it("accounts every block in the ledger", () => {
    const tracker = createMemoryTracker();
    using pool = createHostMemoryPool({ device, ledger: tracker });
    using first = pool.allocate({ sizeBytes: mib, tag: weights });
    const second = pool.allocate({ sizeBytes: 2 * mib, tag: cache });
    expect(tracker.snapshot().measuredBytes).toBe(3 * mib);
    second.dispose();
    expect(tracker.snapshot().devices[0]?.models[0]?.purposes).toEqual([
      { purpose: "weights", plannedBytes: 0, measuredBytes: first.sizeBytes, peakBytes: mib },
      { purpose: "kv-cache", plannedBytes: 0, measuredBytes: 0, peakBytes: 2 * mib },
    ]);
  });

  it("accepts a limit as a share of the device", () => {
    using pool = createHostMemoryPool({ device, limitShare: 0.25 });
    expect(pool.stats().limitBytes).toBe(64 * mib);
  });

  it.each([
    [{ limitShare: 0 }, /limitShare: expected a number in \(0, 1\], got 0/],
    [{ limitShare: 0.5, limitBytes: 1 }, /got both/],
    [{ limitBytes: -1 }, /limitBytes: expected an integer/],
    [{ arenaBytes: 0.5 }, /arenaBytes: expected an integer/],
    [{ retainBytes: Number.NaN }, /retainBytes: expected 0 or more/],
    [{ arenaSize: 1 }, /got "arenaSize"/],
  ])("refuses the options %o", (options, message) => {
    expect(() => createHostMemoryPool({ device, ...options })).toThrow(message);
  });

  it("reserves more than one arena", () => {
    using pool = createHostMemoryPool({
      device: { ...device, totalBytes: 2 ** 40 },
      limitBytes: Math.min(3 * constants.MAX_LENGTH, 2 ** 40),
    });
    const sizeBytes = Math.min(constants.MAX_LENGTH + mib, 8 * 2 ** 30);
    using reservation = pool.reserve(sizeBytes, weights);
    expect(reservation.remainingBytes).toBe(sizeBytes);
    using block = reservation.allocate({ sizeBytes: 3 * mib, tag: weights });
    expect(reservation.remainingBytes).toBe(sizeBytes - block.sizeBytes);
  });
});
