import { expect, it } from "vitest";
import { createCudaDevice } from "../../src/cuda/device/cuda-device.ts";
import { createCudaMemoryPool } from "../../src/cuda/cuda-memory-pool.ts";
import { OutOfMemoryError } from "../../src/errors.ts";
import type { MemoryEvent } from "../../src/events.ts";
import { createHostMemoryPool } from "../../src/pool/host-memory-pool.ts";
import { createMemoryTracker } from "../../src/ledger/memory-tracker.ts";
import { describeOverStandIn } from "./stand-in/stand-in.ts";

const mib = 2 ** 20;
const tag = { model: "llama", purpose: "workspace" } as const;

function outOfMemory(action: () => unknown): OutOfMemoryError {
  try {
    action();
  } catch (error) {
    if (error instanceof OutOfMemoryError) return error;
    throw error;
  }
  throw new Error("expected an OutOfMemoryError, got none");
}

describeOverStandIn("stream-ordered reuse", (standIn) => {
  const { driver } = standIn;

  it("reuses at once what the same stream freed, without a driver call", () => {
    using device = createCudaDevice({ driver });
    using stream = device.createStream();
    using pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    const sizes = [256, 5000, 3 * mib];
    for (const sizeBytes of sizes) pool.allocate({ sizeBytes, tag, stream }).dispose();
    standIn.hold();
    for (const sizeBytes of sizes) {
      const first = pool.allocate({ sizeBytes, tag, stream });
      const address = first.devicePointer;
      const calls = standIn.callCount();
      first.dispose();
      const second = pool.allocate({ sizeBytes, tag, stream });
      expect(second.devicePointer).toBe(address);
      second.dispose();
      expect(standIn.callCount()).toBe(calls);
    }
  });
  it("keeps memory that a stream still uses from others", () => {
    using device = createCudaDevice({ driver });
    using writer = device.createStream();
    using reader = device.createStream();
    using pool = createCudaMemoryPool({
      device,
      limitBytes: 128 * mib,
      arenaBytes: mib,
      chunkBytes: 2 * mib,
    });
    for (const stream of [writer, reader]) pool.allocate({ sizeBytes: 1, tag, stream }).dispose();
    const first = pool.allocate({ sizeBytes: mib, tag, stream: writer });
    const address = first.devicePointer;
    device.fill(first, 1, { stream: writer });
    writer.synchronizeBlocking();
    standIn.hold();
    device.fill(first, 2, { stream: writer });
    first.dispose();
    using second = pool.allocate({ sizeBytes: mib, tag, stream: reader });
    expect(second.devicePointer).not.toBe(address);
    using onDefault = pool.allocate({ sizeBytes: mib, tag });
    expect(onDefault.devicePointer).not.toBe(address);
    standIn.release();
    pool.reclaim();
    pool.reclaim();
    const { arenaBytes } = pool.stats();
    using third = pool.allocate({ sizeBytes: mib, tag, stream: reader });
    expect(third.isDisposed).toBe(false);
    expect(pool.stats().arenaBytes).toBe(arenaBytes);
  });
  it("waits for a stream before it is out of memory", () => {
    using device = createCudaDevice({ driver });
    using writer = device.createStream();
    using pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    const first = pool.allocate({ sizeBytes: 60 * mib, tag, stream: writer });
    standIn.hold();
    device.fill(first, 2, { stream: writer });
    first.dispose();
    using second = pool.allocate({ sizeBytes: 60 * mib, tag });
    expect(writer.isIdle()).toBe(true);
    expect(second.sizeBytes).toBe(60 * mib);
  });
  it("orders a free behind the given stream", () => {
    using device = createCudaDevice({ driver });
    using writer = device.createStream();
    using pool = createCudaMemoryPool({ device, limitBytes: 64 * mib, arenaBytes: mib, chunkBytes: 2 * mib });
    for (const stream of [writer, device.defaultStream]) {
      pool.allocate({ sizeBytes: 1, tag, stream }).dispose();
    }
    const block = pool.allocate({ sizeBytes: mib, tag });
    const address = block.devicePointer;
    standIn.hold();
    device.fill(block, 2, { stream: writer });
    pool.free(block, writer);
    using other = pool.allocate({ sizeBytes: mib, tag });
    expect(other.devicePointer).not.toBe(address);
    using again = pool.allocate({ sizeBytes: mib, tag, stream: writer });
    expect(again.devicePointer).toBe(address);
  });
  it("synchronizes the first stream once when a second one is used", () => {
    using device = createCudaDevice({ driver });
    using writer = device.createStream();
    using reader = device.createStream();
    using pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    const first = pool.allocate({ sizeBytes: mib, tag, stream: writer });
    standIn.hold();
    device.fill(first, 2, { stream: writer });
    first.dispose();
    expect(writer.isIdle()).toBe(false);
    pool.allocate({ sizeBytes: mib, tag, stream: reader }).dispose();
    expect(writer.isIdle()).toBe(true);
  });
  it("unmaps no memory before its only stream is done with it", () => {
    using device = createCudaDevice({ driver });
    using stream = device.createStream();
    for (const arenaKind of ["virtual", "plain"] as const) {
      using pool = createCudaMemoryPool({ device, arenaKind, retainBytes: 0 });
      const block = pool.allocate({ sizeBytes: 100 * mib, tag, stream });
      standIn.hold();
      device.fill(block, 2, { stream });
      block.dispose();
      expect(pool.stats().arenaBytes).toBe(0);
      expect(stream.isIdle()).toBe(true);
      standIn.release();
    }
  });
  it("needs no events with one stream, and reuses events between streams", () => {
    using device = createCudaDevice({ driver });
    using streams = device.createStream();
    using pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    for (let round = 0; round < 50; round += 1) {
      pool.allocate({ sizeBytes: mib, tag, stream: streams }).dispose();
      pool.reclaim();
    }
    expect(standIn.live().events).toBe(0);
    pool.allocate({ sizeBytes: mib, tag }).dispose();
    for (let round = 0; round < 50; round += 1) {
      pool.allocate({ sizeBytes: mib, tag, stream: streams }).dispose();
      pool.reclaim();
    }
    expect(standIn.live().events).toBeLessThanOrEqual(2);
  });
  it("uses an idle hole of the right size before it splits a larger one of its stream", () => {
    using device = createCudaDevice({ driver });
    using stream = device.createStream();
    using pool = createCudaMemoryPool({ device, limitBytes: 128 * mib });
    const hole = pool.allocate({ sizeBytes: 2 * mib, tag, stream });
    using kept = pool.allocate({ sizeBytes: mib, tag, stream });
    const large = pool.allocate({ sizeBytes: 30 * mib, tag, stream });
    using alsoKept = pool.allocate({ sizeBytes: mib, tag });
    const holeAt = hole.devicePointer;
    const largeAt = large.devicePointer;
    hole.dispose();
    pool.reclaim();
    large.dispose();
    using small = pool.allocate({ sizeBytes: 2 * mib, tag, stream });
    expect(small.devicePointer).toBe(holeAt);
    using again = pool.allocate({ sizeBytes: 30 * mib, tag, stream });
    expect(again.devicePointer).toBe(largeAt);
    expect([kept, alsoKept].every(({ isDisposed }) => !isDisposed)).toBe(true);
  });
  it("allows a stream to be disposed before its blocks, whose memory is then idle", () => {
    using device = createCudaDevice({ driver });
    using pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    const stream = device.createStream();
    const block = pool.allocate({ sizeBytes: 50 * mib, tag, stream });
    const small = pool.allocate({ sizeBytes: 300, tag, stream });
    standIn.hold();
    device.fill(block, 1, { stream });
    stream.dispose();
    block.dispose();
    small.dispose();
    pool.allocate({ sizeBytes: 64 * mib, tag }).dispose();
    expect(pool.stats().inUseBytes).toBe(0);
  });
  it("accepts streams of its own device object only", () => {
    using device = createCudaDevice({ driver });
    using same = createCudaDevice({ driver });
    using stream = same.createStream();
    using pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    expect(() => pool.allocate({ sizeBytes: 1, tag, stream })).toThrow(
      expect.objectContaining({ code: "WRONG_DEVICE" }),
    );
    expect(pool.stats().liveBlockCount).toBe(0);
  });
  it("allocates from a reservation for a stream", () => {
    using device = createCudaDevice({ driver });
    using stream = device.createStream();
    using pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    using reservation = pool.reserve(10 * mib, tag);
    using block = reservation.allocate({ sizeBytes: 4 * mib, tag, stream });
    expect(block.streamId).toBe(stream.id);
    expect(reservation.remainingBytes).toBe(6 * mib);
    expect(pool.stats()).toMatchObject({ inUseBytes: 4 * mib, reservedBytes: 6 * mib });
  });
});

describeOverStandIn("a CUDA pool out of memory", (standIn) => {
  const { driver } = standIn;

  for (const arenaKind of ["virtual", "plain"] as const) {
    it(`throws the limit of a ${arenaKind} pool with the numbers`, () => {
      using device = createCudaDevice({ driver });
      using pool = createCudaMemoryPool({ device, limitShare: 0.25, arenaKind });
      using held = pool.allocate({ sizeBytes: 40 * mib, tag });
      const error = outOfMemory(() => pool.allocate({ sizeBytes: 30 * mib, tag }));
      expect(error).toMatchObject({
        deviceId: "cuda:0",
        requestedBytes: 30 * mib,
        limitBytes: 64 * mib,
        inUseBytes: 40 * mib,
        freeBytes: 24 * mib,
      });
      expect(error.cause).toBeUndefined();
      expect(error.usageByTag).toEqual([{ tag: held.tag, sizeBytes: 40 * mib, blockCount: 1 }]);
    });
    it(`throws the driver's error below the limit of a ${arenaKind} pool, and stays usable`, () => {
      standIn.useElsewhere(0, 200 * mib);
      using device = createCudaDevice({ driver });
      using pool = createCudaMemoryPool({ device, arenaKind, chunkBytes: 2 * mib, arenaBytes: 2 * mib });
      using held = pool.allocate({ sizeBytes: 40 * mib, tag });
      const error = outOfMemory(() => pool.allocate({ sizeBytes: 20 * mib, tag }));
      expect(error).toMatchObject({ requestedBytes: 20 * mib, limitBytes: 256 * mib, freeBytes: 16 * mib });
      const call = arenaKind === "virtual" ? "cuMemCreate" : "cuMemAlloc_v2";
      expect((error.cause as Error).message).toBe(
        `${call} returned CUDA_ERROR_OUT_OF_MEMORY (2): out of memory; 16.0 MiB of 256 MiB free on cuda:0`,
      );
      pool.allocate({ sizeBytes: 16 * mib, tag }).dispose();
      expect(outOfMemory(() => pool.reserve(300 * mib, tag)).requestedBytes).toBe(300 * mib);
      device.fill(held, 1);
      standIn.useElsewhere(0, -200 * mib);
      pool.allocate({ sizeBytes: 20 * mib, tag }).dispose();
    });
  }
  it.each([30, 67, 100, 127, 255])("allocates a whole limit of %i MiB in one block", (limitMib) => {
    using device = createCudaDevice({ driver });
    for (const arenaKind of ["virtual", "plain"] as const) {
      using pool = createCudaMemoryPool({ device, arenaKind, limitBytes: limitMib * mib });
      const wholePages = Math.floor(limitMib / 2) * 2;
      pool.allocate({ sizeBytes: wholePages * mib, tag }).dispose();
      expect(pool.stats().arenaBytes).toBe(wholePages * mib);
      expect(outOfMemory(() => pool.allocate({ sizeBytes: limitMib * mib + 1, tag })).cause).toBeUndefined();
    }
  });
  it("allocates nothing for a block that the device has no memory for", () => {
    using device = createCudaDevice({ driver });
    using pool = createCudaMemoryPool({ device, chunkBytes: 2 * mib, arenaBytes: 2 * mib });
    using held = pool.allocate({ sizeBytes: 10 * mib, tag });
    standIn.useElsewhere(0, 100 * mib);
    const calls = standIn.callCount();
    const error = outOfMemory(() => pool.allocate({ sizeBytes: 200 * mib, tag }));
    expect((error.cause as Error).message).toContain("cuMemCreate returned CUDA_ERROR_OUT_OF_MEMORY (2)");
    // To map the 73 available chunks and unmap them would take 292.
    expect(standIn.callCount() - calls).toBeLessThan(60);
    standIn.useElsewhere(0, -100 * mib);
    expect(held.isDisposed).toBe(false);
  });
  it("is out of memory for a block larger than the device", () => {
    using device = createCudaDevice({ driver });
    using pool = createCudaMemoryPool({ device });
    const error = outOfMemory(() => pool.allocate({ sizeBytes: 300 * mib, tag }));
    expect(error).toMatchObject({ requestedBytes: 300 * mib, limitBytes: 256 * mib, freeBytes: 256 * mib });
  });
  it("unmaps empty arenas before it is out of memory, so that two pools share a GPU", () => {
    using device = createCudaDevice({ driver });
    using first = createCudaMemoryPool({ device, chunkBytes: 2 * mib });
    using second = createCudaMemoryPool({ device, chunkBytes: 2 * mib });
    first.allocate({ sizeBytes: 200 * mib, tag }).dispose();
    outOfMemory(() => second.allocate({ sizeBytes: 200 * mib, tag }));
    expect(first.trim()).toBe(200 * mib);
    second.allocate({ sizeBytes: 200 * mib, tag }).dispose();
  });
  it("grows an arena in place, and unmaps its end", () => {
    using device = createCudaDevice({ driver });
    using pool = createCudaMemoryPool({ device, chunkBytes: 2 * mib, arenaBytes: 2 * mib });
    using first = pool.allocate({ sizeBytes: 3 * mib, tag });
    device.fill(first, 9);
    const second = pool.allocate({ sizeBytes: 100 * mib, tag });
    expect(standIn.live().reservations).toBe(1);
    second.dispose();
    expect(pool.trim()).toBeGreaterThanOrEqual(98 * mib);
    const back = new Uint8Array(first.sizeBytes);
    device.copyToHost(back, first);
    expect(back.every((byte) => byte === 9)).toBe(true);
  });
  it("frees empty runs of a stream's slabs while blocks of other streams are live", () => {
    using device = createCudaDevice({ driver });
    using stream = device.createStream();
    using pool = createCudaMemoryPool({
      device,
      chunkBytes: 2 * mib,
      arenaBytes: 2 * mib,
      arenaKind: "plain",
    });
    const small = Array.from({ length: 300 }, () => pool.allocate({ sizeBytes: 32_000, tag, stream }));
    using last = pool.allocate({ sizeBytes: 32_000, tag });
    for (const block of small) block.dispose();
    const before = pool.stats().arenaBytes;
    expect(before).toBeGreaterThan(8 * mib);
    expect(pool.trim()).toBe(before - 2 * mib);
    expect(last.isDisposed).toBe(false);
  });
  it("uses cuMemAlloc where the driver has no virtual memory management", () => {
    standIn.setDevices({ count: 1, bytes: 256 * mib, isVirtual: false });
    using device = createCudaDevice({ driver });
    using pool = createCudaMemoryPool({ device });
    expect(pool.arenaKind).toBe("plain");
    pool.allocate({ sizeBytes: 10 * mib, tag }).dispose();
    expect(standIn.live()).toMatchObject({ ranges: 1, reservations: 0 });
  });
});

describeOverStandIn("a CUDA pool over memory aligned to 256 bytes", (standIn) => {
  it("aligns its arenas itself", () => {
    standIn.misalign();
    {
      using device = createCudaDevice({ driver: standIn.driver });
      using pool = createCudaMemoryPool({ device, arenaKind: "plain" });
      using block = pool.allocate({ sizeBytes: 5000, tag, alignmentBytes: 4096 });
      expect(Number(block.devicePointer % 4096n)).toBe(0);
      expect(() => pool.allocate({ sizeBytes: 5000, tag, alignmentBytes: 8192 })).toThrow(
        /expected at most 4096/,
      );
      device.fill(block, 1);
    }
    expect(standIn.live().ranges).toBe(0);
  });
});

describeOverStandIn("a CUDA pool and its blocks", (standIn) => {
  const { driver } = standIn;

  it("refuses to free twice, blocks of other pools, and blocks of other devices", () => {
    using device = createCudaDevice({ driver });
    using other = createCudaDevice({ driver, ordinal: 1 });
    using pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    using neighbour = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    using far = createCudaMemoryPool({ device: other, limitBytes: 64 * mib });
    using host = createHostMemoryPool();
    const block = pool.allocate({ sizeBytes: 100, tag });
    using ofNeighbour = neighbour.allocate({ sizeBytes: 100, tag });
    using ofFar = far.allocate({ sizeBytes: 100, tag });
    using ofHost = host.allocate({ sizeBytes: 100, tag });
    const refusal = (code: string): unknown => expect.objectContaining({ code });
    for (const stream of [undefined, device.defaultStream]) {
      expect(() => pool.free(ofNeighbour, stream)).toThrow(refusal("FOREIGN_BLOCK"));
      expect(() => pool.free(ofFar, stream)).toThrow(refusal("WRONG_DEVICE"));
      expect(() => pool.free(ofHost, stream)).toThrow(refusal("WRONG_DEVICE"));
    }
    expect(() => pool.free(block, other.defaultStream)).toThrow(refusal("WRONG_DEVICE"));
    expect(block.isDisposed).toBe(false);
    pool.free(block);
    expect(() => pool.free(block)).toThrow(refusal("DOUBLE_FREE"));
    expect(() => pool.free(block, device.defaultStream)).toThrow(refusal("DOUBLE_FREE"));
    expect(() => block.dispose()).toThrow(refusal("DOUBLE_FREE"));
    expect(pool.stats().liveBlockCount).toBe(0);
  });
  it("reports leaks by tag on dispose, and frees their memory", () => {
    const events: MemoryEvent[] = [];
    using device = createCudaDevice({ driver });
    const pool = createCudaMemoryPool({
      device,
      limitBytes: 64 * mib,
      events: { emit: (...event) => events.push(event) },
    });
    pool.allocate({ sizeBytes: mib, tag });
    pool.allocate({ sizeBytes: mib, tag });
    pool.allocate({ sizeBytes: 256, tag: { model: "llama", purpose: "kv-cache", label: "layer 0" } });
    pool.dispose();
    expect(events).toEqual([
      [
        "memory:leaks-found",
        {
          deviceId: "cuda:0",
          totalBytes: 2 * mib + 256,
          blockCount: 3,
          usageByTag: [
            { tag, sizeBytes: 2 * mib, blockCount: 2 },
            { tag: { model: "llama", purpose: "kv-cache", label: "layer 0" }, sizeBytes: 256, blockCount: 1 },
          ],
        },
      ],
    ]);
    expect(() => pool.trim()).toThrow(expect.objectContaining({ code: "POOL_DISPOSED" }));
    expect(() => pool.reclaim()).toThrow(expect.objectContaining({ code: "POOL_DISPOSED" }));
  });
  it("accounts every block in the ledger", () => {
    const ledger = createMemoryTracker();
    using device = createCudaDevice({ driver });
    using pool = createCudaMemoryPool({ device, limitBytes: 64 * mib, ledger });
    using weights = pool.allocate({ sizeBytes: 8 * mib, tag: { model: "llama", purpose: "weights" } });
    pool.allocate({ sizeBytes: mib, tag }).dispose();
    const [line] = ledger.snapshot().devices;
    expect(line).toMatchObject({ deviceId: "cuda:0", measuredBytes: weights.sizeBytes, peakBytes: 9 * mib });
  });
  it("waits for the work on its memory before it is unmapped", () => {
    using device = createCudaDevice({ driver });
    using stream = device.createStream();
    const pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    const block = pool.allocate({ sizeBytes: mib, tag, stream });
    standIn.hold();
    device.fill(block, 1, { stream });
    block.dispose();
    pool.dispose();
    expect(stream.isIdle()).toBe(true);
  });
  it("refuses unknown and invalid options", () => {
    using device = createCudaDevice({ driver });
    const create = (options: object) => () => createCudaMemoryPool({ device, ...options });
    expect(create({ limit: 1 })).toThrow(/got "limit"/);
    expect(create({ limitBytes: 1, limitShare: 1 })).toThrow(/got both/);
    expect(create({ chunkBytes: 3 * mib })).toThrow(/power of two/);
  });
  it("retains nothing of the device when it cannot be created", () => {
    using device = createCudaDevice({ driver });
    expect(() => createCudaMemoryPool({ device, chunkBytes: 3 * mib })).toThrow(/power of two/);
    device.dispose();
    expect(standIn.live().contexts).toBe(0);
  });
});
