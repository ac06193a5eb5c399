import { expect, it, vi } from "vitest";
import { createCudaDevice } from "../../../src/cuda/device/cuda-device.ts";
import { loadCudaDriver } from "../../../src/cuda/driver/cuda-driver.ts";
import { createCudaMemoryPool } from "../../../src/cuda/cuda-memory-pool.ts";
import { createCudaProbe } from "../../../src/cuda/cuda-probe.ts";
import { listDevices, probeDevices } from "../../../src/devices/list-devices.ts";
import { collectUntil } from "../collect-garbage.ts";
import { describeOverStandIn } from "../stand-in/stand-in.ts";

const mib = 2 ** 20;
const tag = { model: "test", purpose: "workspace" } as const;

describeOverStandIn("a CUDA device", (standIn) => {
  const { driver } = standIn;

  it("describes itself", () => {
    using device = createCudaDevice({ driver, ordinal: 1 });
    expect(device).toMatchObject({
      id: "cuda:1",
      kind: "cuda",
      ordinal: 1,
      name: "Stand-in GPU 1",
      uuid: "GPU-10111213-1415-1617-1819-1a1b1c1d1e1f",
      pciAddress: "0000:18:00.0",
      computeCapability: { major: 9, minor: 0 },
      multiprocessorCount: 132,
      totalBytes: 256 * mib,
      hasVirtualMemoryManagement: true,
      hasMemoryPools: true,
    });
  });
  it("refuses an ordinal that does not exist, with the number of devices", () => {
    for (const ordinal of [2, -1, 0.5]) {
      expect(() => createCudaDevice({ driver, ordinal })).toThrow(/below the 2 visible devices/);
    }
  });
  it("reports its free memory as the driver does, with the usage of other processes", () => {
    using device = createCudaDevice({ driver });
    expect(device.freeBytes()).toBe(256 * mib);
    standIn.useElsewhere(0, 100 * mib);
    expect(device.freeBytes()).toBe(156 * mib);
    standIn.useElsewhere(0, -100 * mib);
  });
  it("copies to the device, on the device and back, at offsets", () => {
    using device = createCudaDevice({ driver });
    using pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    using first = pool.allocate({ sizeBytes: 4096, tag });
    using second = pool.allocate({ sizeBytes: 8192, tag });
    const bytes = Uint8Array.from({ length: 1000 }, (_, index) => index % 251);
    device.fill(first, 7);
    device.copyToDevice(first, bytes.subarray(10, 510), { offsetBytes: 100 });
    device.copyOnDevice(second, first, { offsetBytes: 4096 });
    const back = new Uint8Array(700);
    device.copyToHost(back, second, { offsetBytes: 4096 });
    const expected = new Uint8Array(700).fill(7);
    expected.set(bytes.subarray(10, 510), 100);
    expect(Buffer.compare(back, expected)).toBe(0);
    device.copyToDevice(first, new Uint8Array(0));
    device.fill(first, 0, { sizeBytes: 0 });
  });
  it("refuses ranges outside a block and values that are not bytes", () => {
    using device = createCudaDevice({ driver });
    using pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    using block = pool.allocate({ sizeBytes: 1000, tag });
    expect(() => device.copyToDevice(block, new Uint8Array(1001))).toThrow(/1000 bytes, got 1001/);
    expect(() => device.copyToHost(new Uint8Array(10), block, { offsetBytes: 991 })).toThrow(/offset 991/);
    expect(() => device.copyToHost(new Uint8Array(10), block, { offsetBytes: -1 })).toThrow(/offset -1/);
    expect(() => device.copyOnDevice(block, block, { sizeBytes: 600, offsetBytes: 500 })).toThrow(
      /offset 500/,
    );
    expect(() => device.fill(block, 256)).toThrow(/0 to 255, got 256/);
    expect(() => device.fill(block, 1.5)).toThrow(/got 1.5/);
  });
  it("refuses blocks, streams and events of another device", () => {
    using device = createCudaDevice({ driver, ordinal: 0 });
    using other = createCudaDevice({ driver, ordinal: 1 });
    using pool = createCudaMemoryPool({ device: other, limitBytes: 64 * mib });
    using block = pool.allocate({ sizeBytes: 1000, tag });
    using stream = device.createStream();
    using event = device.createEvent();
    expect(() => device.fill(block, 1)).toThrow(expect.objectContaining({ code: "WRONG_DEVICE" }));
    expect(() => other.fill(block, 1, { stream })).toThrow(expect.objectContaining({ code: "WRONG_DEVICE" }));
    expect(() => other.defaultStream.record(event)).toThrow(
      expect.objectContaining({ code: "WRONG_DEVICE" }),
    );
  });
  it("alternates between two devices in one thread", () => {
    using first = createCudaDevice({ driver, ordinal: 0 });
    using second = createCudaDevice({ driver, ordinal: 1 });
    using firstPool = createCudaMemoryPool({ device: first, arenaBytes: mib });
    using secondPool = createCudaMemoryPool({ device: second, arenaBytes: mib });
    using here = firstPool.allocate({ sizeBytes: 40 * mib, tag });
    using there = secondPool.allocate({ sizeBytes: 20 * mib, tag });
    first.fill(here, 1);
    second.fill(there, 2);
    const bytes = new Uint8Array(2);
    first.copyToHost(bytes.subarray(0, 1), here);
    second.copyToHost(bytes.subarray(1), there);
    expect([...bytes]).toEqual([1, 2]);
    expect(standIn.usedBytes(0)).toBeGreaterThan(standIn.usedBytes(1));
  });
  it("queues work on a stream, and reports when it has run", async () => {
    using device = createCudaDevice({ driver });
    using stream = device.createStream();
    using pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    using block = pool.allocate({ sizeBytes: 16, tag, stream });
    using event = device.createEvent();
    device.fill(block, 1, { stream });
    stream.synchronizeBlocking();
    standIn.hold();
    device.fill(block, 9, { stream });
    stream.record(event);
    device.defaultStream.waitFor(event);
    expect(stream.isIdle()).toBe(false);
    expect(event.isComplete()).toBe(false);
    await stream.synchronize();
    expect(stream.isIdle()).toBe(true);
    expect(event.isComplete()).toBe(true);
    event.synchronizeBlocking();
    await device.synchronize();
  });
  it("keeps no core busy while a stream runs", async () => {
    using device = createCudaDevice({ driver });
    using stream = device.createStream();
    using sleeping = device.createEvent({ isSleeping: true });
    using asking = device.createEvent();
    const before = standIn.busyWaitCount();
    standIn.hold();
    stream.record(sleeping);
    await stream.synchronize();
    stream.record(sleeping);
    sleeping.synchronizeBlocking();
    expect(standIn.busyWaitCount() - before).toBe(0);
    stream.record(asking);
    asking.synchronizeBlocking();
    expect(standIn.busyWaitCount() - before).toBe(1);
  });
  it("measures the time between timed events that are complete", async () => {
    using device = createCudaDevice({ driver });
    using stream = device.createStream();
    const [start, end] = [device.createEvent({ isTimed: true }), device.createEvent({ isTimed: true })];
    using untimed = device.createEvent();
    expect(() => end.millisecondsSince(start)).toThrow("CUDA_ERROR_INVALID_HANDLE");
    stream.record(start);
    stream.record(untimed);
    standIn.hold();
    stream.record(end);
    expect(() => end.millisecondsSince(start)).toThrow("CUDA_ERROR_NOT_READY");
    await stream.synchronize();
    expect(end.millisecondsSince(start)).toBeGreaterThanOrEqual(0);
    expect(start.millisecondsSince(end)).toBe(-end.millisecondsSince(start));
    expect(() => end.millisecondsSince(untimed)).toThrow("CUDA_ERROR_INVALID_HANDLE");
    using other = createCudaDevice({ driver, ordinal: 1 });
    using foreign = other.createEvent({ isTimed: true });
    expect(() => end.millisecondsSince(foreign)).toThrow(expect.objectContaining({ code: "WRONG_DEVICE" }));
    // Work that has not run may still be on its way to a destroyed event.
    stream.record(end);
    for (const event of [start, end]) event.dispose();
  });
  it("gives the waiting threads the context that the driver requires there", async () => {
    using device = createCudaDevice({ driver });
    using other = createCudaDevice({ driver, ordinal: 1 });
    using stream = device.createStream();
    // The context, the record and the wait: in the end no thread has to be given anything any more. On a busy machine a thread
    // may do nothing for long.
    let inRow = 0;
    for (let round = 0; round < 20_000 && inRow < 20; round += 1) {
      await Promise.all([device.synchronize(), other.synchronize(), stream.synchronize()]);
      const before = standIn.callCount();
      await stream.synchronize();
      inRow = standIn.callCount() - before === 3 ? inRow + 1 : 0;
    }
    expect(inRow).toBe(20);
  });
  it.each([201, 709])("polls where no thread of the pool may wait, by status %i", async (status) => {
    using device = createCudaDevice({ driver });
    standIn.fail("cuEventSynchronize", status, { forever: true });
    await expect(device.synchronize()).resolves.toBeUndefined();
  });
  it("has threads that wait for a device after the one they waited for before was closed", async () => {
    for (const ordinal of [0, 1, 0]) {
      using device = createCudaDevice({ driver, ordinal });
      const waits = Promise.all(Array.from({ length: 8 }, () => device.synchronize()));
      await expect(waits).resolves.toHaveLength(8);
    }
  });
  it("queues a pinned copy, and runs a pageable copy before it returns", async () => {
    {
      using device = createCudaDevice({ driver });
      using pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
      using block = pool.allocate({ sizeBytes: 1024, tag });
      const pinned = device.createPinnedBuffer(1024);
      pinned.bytes.fill(3);
      standIn.hold();
      device.copyToDevice(block, pinned.bytes);
      expect(device.defaultStream.isIdle()).toBe(false);
      pinned.bytes.fill(4);
      const back = new Uint8Array(1024);
      device.copyToHost(back, block);
      expect(back.every((byte) => byte === 4)).toBe(true);
      expect(device.defaultStream.isIdle()).toBe(true);
      pinned.dispose();
    }
    await collectUntil(() => standIn.live().pinned === 0);
  });
  it("refuses copies that leave pinned memory, and breaks the context when it is freed before its copy", () => {
    const device = createCudaDevice({ driver });
    const pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    const block = pool.allocate({ sizeBytes: 1024, tag });
    const { functions } = driver;
    const address = driver.readUint64((out) => functions.cuMemHostAlloc(out, 512, 0), "cuMemHostAlloc");
    expect(functions.cuMemcpyHtoDAsync_v2(block.devicePointer, address + 1n, 512, 0n)).toBe(1);
    expect(functions.cuMemHostAlloc(new BigUint64Array(1), 0, 0)).toBe(1);
    expect(functions.cuMemFreeHost(address + 8n)).toBe(1);
    standIn.hold();
    expect(functions.cuMemcpyHtoDAsync_v2(block.devicePointer, address, 512, 0n)).toBe(0);
    expect(functions.cuMemFreeHost(address)).toBe(700);
    standIn.abandon();
    standIn.release();
  });
  it("keeps pinned memory while a view is reachable, and refuses the buffer after dispose", async () => {
    let view: Uint8Array | undefined;
    {
      using device = createCudaDevice({ driver });
      using pinned = device.createPinnedBuffer(4096);
      view = pinned.bytes;
      view.fill(5);
      pinned.dispose();
      expect(() => pinned.bytes).toThrow(expect.objectContaining({ code: "CUDA_HANDLE_DISPOSED" }));
      expect(() => device.createPinnedBuffer(0)).toThrow(/expected an integer of 1 or more, got 0/);
    }
    expect(view[4095]).toBe(5);
    expect(standIn.live()).toMatchObject({ pinned: 1, contexts: 1 });
    view = undefined;
    await collectUntil(() => standIn.live().pinned === 0);
  });
  it("refuses every use of a handle after dispose", async () => {
    const disposed = expect.objectContaining({ code: "CUDA_HANDLE_DISPOSED" });
    const device = createCudaDevice({ driver });
    const pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    const block = pool.allocate({ sizeBytes: 16, tag });
    const stream = device.createStream();
    const event = device.createEvent();
    stream.dispose();
    stream.dispose();
    expect(stream.isDisposed).toBe(true);
    expect(() => stream.handle).toThrow(disposed);
    expect(() => stream.isIdle()).toThrow(disposed);
    expect(() => stream.record(event)).toThrow(disposed);
    expect(() => stream.waitFor(event)).toThrow(disposed);
    expect(() => stream.synchronizeBlocking()).toThrow(disposed);
    await expect(stream.synchronize()).rejects.toThrow(disposed);
    expect(() => device.fill(block, 0, { stream })).toThrow(disposed);
    expect(() => pool.allocate({ sizeBytes: 1, tag, stream })).toThrow(disposed);
    event.dispose();
    event.dispose();
    expect(() => event.handle).toThrow(disposed);
    expect(() => event.isComplete()).toThrow(disposed);
    expect(() => event.synchronizeBlocking()).toThrow(disposed);
    expect(() => device.defaultStream.record(event)).toThrow(disposed);
    block.dispose();
    expect(() => block.devicePointer).toThrow(expect.objectContaining({ code: "BLOCK_DISPOSED" }));
    expect(() => device.fill(block, 1)).toThrow(expect.objectContaining({ code: "BLOCK_DISPOSED" }));
    device.dispose();
    device.dispose();
    expect(() => device.freeBytes()).toThrow(disposed);
    expect(() => device.createStream()).toThrow(disposed);
    expect(() => device.createEvent()).toThrow(disposed);
    expect(() => device.createPinnedBuffer(1)).toThrow(disposed);
    expect(() => pool.allocate({ sizeBytes: 1, tag })).toThrow(disposed);
    expect(() => createCudaMemoryPool({ device })).toThrow(disposed);
    pool.dispose();
  });
  it("releases its context with the last of its objects, in any order", () => {
    const device = createCudaDevice({ driver });
    const stream = device.createStream();
    const event = device.createEvent();
    const pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    const block = pool.allocate({ sizeBytes: mib, tag, stream });
    device.dispose();
    expect(standIn.live().contexts).toBe(1);
    block.dispose();
    stream.dispose();
    expect(standIn.live().contexts).toBe(1);
    pool.dispose();
    expect(standIn.live().contexts).toBe(1);
    event.dispose();
    expect(standIn.live().contexts).toBe(0);
  });
  it("is a device of CUDA_VISIBLE_DEVICES, and allocates memory there", () => {
    vi.stubEnv("CUDA_VISIBLE_DEVICES", "1,0,7");
    const chosen = loadCudaDriver({ libraryPaths: [standIn.path] });
    vi.unstubAllEnvs();
    expect(chosen.deviceCount).toBe(2);
    using device = createCudaDevice({ driver: chosen, ordinal: 0 });
    expect(device).toMatchObject({ pciAddress: "0000:18:00.0", name: "Stand-in GPU 1" });
    for (const arenaKind of ["virtual", "plain"] as const) {
      using pool = createCudaMemoryPool({ device, arenaKind, chunkBytes: 2 * mib, arenaBytes: 2 * mib });
      using block = pool.allocate({ sizeBytes: mib, tag });
      device.fill(block, 1);
      expect([standIn.usedBytes(0), standIn.usedBytes(1)]).toEqual([0, 2 * mib]);
    }
  });
  it("is an instance, with its UUID and its memory, where the GPU is in MIG mode", () => {
    standIn.split();
    const split = loadCudaDriver({ libraryPaths: [standIn.path] });
    expect(split.deviceCount).toBe(3);
    using device = createCudaDevice({ driver: split });
    expect(device.uuid).toBe("MIG-a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf");
    expect(device.totalBytes).toBe(128 * mib);
    expect(device.freeBytes()).toBe(128 * mib);
    using pool = createCudaMemoryPool({ device, arenaKind: "plain" });
    expect(() => pool.allocate({ sizeBytes: 129 * mib, tag })).toThrow(
      expect.objectContaining({ code: "OUT_OF_MEMORY" }),
    );
    using block = pool.allocate({ sizeBytes: 100 * mib, tag });
    using second = createCudaDevice({ driver: split, ordinal: 1 });
    expect(second).toMatchObject({
      uuid: "MIG-d0d1d2d3-d4d5-d6d7-d8d9-dadbdcdddedf",
      pciAddress: device.pciAddress,
    });
    expect([block.sizeBytes, second.freeBytes()]).toEqual([100 * mib, 128 * mib]);
  });
  it("is the only one where a driver before R570 shows an instance", () => {
    standIn.split("before-r570");
    const older = loadCudaDriver({ libraryPaths: [standIn.path] });
    expect([older.deviceCount, older.cudaVersion]).toEqual([1, "12.4"]);
  });
  it("throws the driver's error at every call once the context is broken, and can be disposed", async () => {
    for (const arenaKind of ["virtual", "plain"] as const) {
      const device = createCudaDevice({ driver });
      const stream = device.createStream();
      const pool = createCudaMemoryPool({ device, arenaKind, chunkBytes: 2 * mib, arenaBytes: 2 * mib });
      const block = pool.allocate({ sizeBytes: mib, tag, stream });
      standIn.breakContext(700);
      const broken = expect.objectContaining({
        code: "CUDA_ERROR",
        statusName: "CUDA_ERROR_ILLEGAL_ADDRESS",
      });
      expect(() => device.fill(block, 1, { stream })).toThrow(broken);
      expect(() => device.copyToHost(new Uint8Array(8), block)).toThrow(broken);
      expect(() => stream.isIdle()).toThrow(broken);
      await expect(stream.synchronize()).rejects.toEqual(broken);
      expect(() => pool.allocate({ sizeBytes: 20 * mib, tag, stream })).toThrow(broken);
      expect(() => device.freeBytes()).toThrow(broken);
      block.dispose();
      expect(pool.stats().inUseBytes).toBe(0);
      expect(() => pool.trim()).toThrow(broken);
      expect(() => pool.dispose()).toThrow(broken);
      expect(() => stream.dispose()).toThrow(broken);
      // A broken context ends with its process; the stand-in repairs it to show that nothing leaks.
      standIn.breakContext(0);
      pool.dispose();
      stream.dispose();
      device.dispose();
    }
  });
  it("is listed by listDevices, and opened for its free memory only", () => {
    const probes = [createCudaProbe({ libraryPaths: [standIn.path] })];
    const devices = listDevices({ probes });
    expect(devices.map(({ id }) => id)).toEqual(["cpu", "cuda:0", "cuda:1"]);
    expect(standIn.live().contexts).toBe(0);
    expect(devices[1]).toMatchObject({ kind: "cuda", name: "Stand-in GPU 0", totalBytes: 256 * mib });
    expect(devices[1]?.freeBytes()).toBe(256 * mib);
  });
  it("has the reason in probeDevices when there is none", () => {
    const probes = [createCudaProbe({ libraryPaths: ["libcuda-that-is-not-there.so.1"] })];
    const { devices, unavailable } = probeDevices({ probes });
    expect(devices.map(({ id }) => id)).toEqual(["cpu"]);
    expect(unavailable).toEqual([{ probe: "cuda", reason: expect.stringContaining("no NVIDIA driver") }]);
    standIn.setDevices({ count: 0, bytes: mib });
    const none = probeDevices({ probes: [createCudaProbe({ libraryPaths: [standIn.path] })] });
    expect(none.unavailable).toEqual([
      { probe: "cuda", reason: expect.stringContaining("no device is visible to the driver") },
    ]);
  });
});
