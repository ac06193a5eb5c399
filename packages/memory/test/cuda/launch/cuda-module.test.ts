import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { describeOverProcessor } from "../../../../../test/support/cuda/describe-over-processor.ts";
import { deviceFunctions as manifest } from "../../../../../test/support/cuda/kernels/device-functions.ts";
import { createCudaDevice } from "../../../src/cuda/device/cuda-device.ts";
import { collectUntil } from "../collect-garbage.ts";
import type { CudaFunction } from "../../../src/cuda/launch/cuda-function.ts";
import { captureGraph } from "../../../src/cuda/launch/cuda-graph.ts";
import { createCudaMemoryPool } from "../../../src/cuda/cuda-memory-pool.ts";
import { loadCudaModule } from "../../../src/cuda/launch/cuda-module.ts";

const image = readFileSync(
  new URL("../../../../../test/support/cuda/kernels/device-functions.ptx", import.meta.url),
  "utf8",
);
const mib = 2 ** 20;
const tag = { model: "test", purpose: "workspace" } as const;
/** What `halves` writes. */
const halves = Int32Array.from(
  { length: 128 },
  (_, index) => (Math.floor(index / 64) * 64 + 63 - (index % 64)) * 3,
);

describeOverProcessor("a module on a CUDA device", { ptx: [image] }, ({ driver, standIn }) => {
  it("has its kernels by name, with what the driver says of them", () => {
    using device = createCudaDevice({ driver });
    using module = loadCudaModule(device, { image, manifest });
    const kernel = module.function("halves");
    expect(module.function("halves")).toBe(kernel);
    expect(kernel.attributes()).toEqual({
      registerCount: 32,
      localBytes: 0,
      staticSharedBytes: 512,
      maxThreadsPerBlock: 128,
    });
    expect(() => module.function("absent" as never)).toThrow(/kernel of module device-functions .*"absent"/);
  });
  it("is used no more after dispose, nor is a kernel of it", () => {
    using device = createCudaDevice({ driver });
    const module = loadCudaModule(device, { image, manifest });
    const kernel = module.function("halves");
    module.dispose();
    module.dispose();
    expect(module.isDisposed).toBe(true);
    const disposed = expect.objectContaining({ code: "CUDA_HANDLE_DISPOSED" });
    expect(() => kernel.launch({ grid: 1, block: 128 }, 0n)).toThrow(disposed);
    expect(() => kernel.attributes()).toThrow(disposed);
    expect(() => module.function("lanes")).toThrow(disposed);
  });
  it("says what the driver's compiler said when an image does not load", () => {
    using device = createCudaDevice({ driver });
    expect(() => loadCudaModule(device, { image: "not PTX", manifest })).toThrow(
      expect.objectContaining({
        code: "CUDA_ERROR",
        statusName: "CUDA_ERROR_INVALID_IMAGE",
        message: expect.stringContaining("module device-functions does not compile: expected PTX"),
      }),
    );
  });
  it("refuses arguments of another count, type or range, and sizes that the kernel does not take", () => {
    using device = createCudaDevice({ driver });
    using module = loadCudaModule(device, { image, manifest });
    const kernel = module.function("arithmetic");
    const untyped: CudaFunction = kernel;
    const launch = (...args: readonly unknown[]): void =>
      untyped.launch({ grid: 1, block: 1 }, ...(args as never[]));
    const good = [0n, 0n, 0n, 0n, 0, 0, 0n, 0];
    const withValue = (index: number, value: unknown): readonly unknown[] => [
      ...good.slice(0, index),
      value,
      ...good.slice(index + 1),
    ];
    expect(() => launch(...good.slice(1))).toThrow(/arithmetic: expected 8 arguments, got 7/);
    expect(() => launch(...withValue(0, 0))).toThrow(
      /arithmetic: out: expected an address as a bigint, got 0/,
    );
    expect(() => launch(...withValue(4, 2 ** 31))).toThrow(
      /n: expected an integer of 32 bits, got 2147483648/,
    );
    expect(() => launch(...withValue(4, 0.5))).toThrow(/got 0.5/);
    expect(() => launch(...withValue(5, -1))).toThrow(/unsigned_number: expected an unsigned integer/);
    expect(() => launch(...withValue(6, 2n ** 63n))).toThrow(/wide: expected an integer of 64 bits/);
    expect(() => launch(...withValue(7, "1"))).toThrow(/scale: expected a number, got "1"/);
    const sized = (options: { grid: number; block: number; dynamicSharedBytes?: number }) => (): void =>
      kernel.launch(options, 0n, 0n, 0n, 0n, 0, 0, 0, 0);
    expect(sized({ grid: 0, block: 1 })).toThrow(/arithmetic: grid.x: expected an integer from 1/);
    expect(sized({ grid: 1, block: 257 })).toThrow(/block.x: expected an integer from 1 to 256, got 257/);
    expect(sized({ grid: 1, block: 1, dynamicSharedBytes: 4 })).toThrow(
      /expected 0, as the kernel uses none/,
    );
    const many = module.function("last_block");
    const shared = { grid: 1, block: 1, dynamicSharedBytes: 99 * 1024 + 1 };
    expect(() => many.launch(shared, 0n, 0n, 0n, 0)).toThrow(/from 0 to 101376, got 101377/);
    expect(standIn.launchCount()).toBe(0);
  });
  it("runs in the order of its stream, behind copies and before them", () => {
    using device = createCudaDevice({ driver });
    using pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    using module = loadCudaModule(device, { image, manifest });
    using stream = device.createStream();
    using block = pool.allocate({ sizeBytes: 512, tag, stream });
    standIn.hold();
    device.fill(block, 1, { stream });
    module.function("halves").launch({ grid: 1, block: 128, stream }, block.devicePointer);
    expect(standIn.launchCount()).toBe(0);
    expect(stream.isIdle()).toBe(false);
    const back = new Int32Array(128);
    device.copyToHost(new Uint8Array(back.buffer), block, { stream });
    expect(back).toEqual(halves);
    standIn.release();
  });
  it("makes the context unusable when a kernel accesses memory that was freed", () => {
    const device = createCudaDevice({ driver });
    const pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    const module = loadCudaModule(device, { image, manifest });
    const block = pool.allocate({ sizeBytes: 512, tag });
    const address = block.devicePointer;
    block.dispose();
    pool.dispose();
    module.function("halves").launch({ grid: 1, block: 128 }, address);
    const lost = expect.objectContaining({
      statusName: "CUDA_ERROR_ILLEGAL_ADDRESS",
      isSticky: true,
      isOutOfMemory: false,
      message: expect.stringContaining("which is in no live allocation"),
    });
    expect(() => device.defaultStream.synchronizeBlocking()).toThrow(lost);
    expect(() => device.freeBytes()).toThrow(lost);
    standIn.abandon();
  });

  it("loads a kernel when it is got, as a recording is too late for that", () => {
    using device = createCudaDevice({ driver });
    using pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    using module = loadCudaModule(device, { image, manifest });
    using stream = device.createStream();
    using block = pool.allocate({ sizeBytes: 512, tag, stream });
    const halve = (): void =>
      module.function("halves").launch({ grid: 1, block: 128, stream }, block.devicePointer);
    expect(() => captureGraph(device, stream, halve)).toThrow(
      expect.objectContaining({ call: "cuFuncGetAttribute", status: 900 }),
    );
    module.function("halves");
    using graph = captureGraph(device, stream, halve);
    graph.launch(stream);
    const back = new Int32Array(128);
    device.copyToHost(new Uint8Array(back.buffer), block, { stream });
    expect(back).toEqual(halves);
  });
  it("is not unloaded while a kernel of it is queued", () => {
    const device = createCudaDevice({ driver });
    const pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    const module = loadCudaModule(device, { image, manifest });
    const block = pool.allocate({ sizeBytes: 512, tag });
    standIn.hold();
    module.function("halves").launch({ grid: 1, block: 128 }, block.devicePointer);
    expect(() => module.dispose()).toThrow(expect.objectContaining({ isSticky: true }));
    standIn.abandon();
    standIn.release();
  });

  /** A scope of its own, so that the pinned buffers can be collected. */
  const runTwice = (): readonly (number | undefined)[] => {
    using device = createCudaDevice({ driver });
    using pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    using module = loadCudaModule(device, { image, manifest });
    using stream = device.createStream();
    using order = pool.allocate({ sizeBytes: 64, tag, stream });
    using out = pool.allocate({ sizeBytes: 256, tag, stream });
    const input = device.createPinnedBuffer(64);
    const result = device.createPinnedBuffer(256);
    const arrays = module.function("arrays");
    using graph = captureGraph(device, stream, () => {
      device.copyToDevice(order, input.bytes, { stream });
      device.fill(out, 0, { stream });
      arrays.launch({ grid: 1, block: 64, stream }, out.devicePointer, order.devicePointer);
      device.copyToHost(result.bytes, out, { stream });
    });
    expect(standIn.launchCount()).toBe(0);
    const sums = [1, 5].map((step) => {
      new Int32Array(input.bytes.buffer).set(Array.from({ length: 16 }, (_, index) => (index * step) % 16));
      graph.launch(stream);
      stream.synchronizeBlocking();
      return new Float32Array(result.bytes.buffer.slice(0))[1];
    });
    expect(standIn.launchCount()).toBe(2);
    graph.dispose();
    graph.dispose();
    expect(() => graph.launch(stream)).toThrow(expect.objectContaining({ code: "CUDA_HANDLE_DISPOSED" }));
    input.dispose();
    result.dispose();
    return sums;
  };
  it("is recorded in a graph, which runs again with what memory then has", async () => {
    const [first, second] = runTwice();
    expect(first).not.toBe(second);
    await collectUntil(() => standIn.live().pinned === 0);
  });
  it("ends a recording that throws, and one of work that cannot be recorded", () => {
    using device = createCudaDevice({ driver });
    using pool = createCudaMemoryPool({ device, limitBytes: 64 * mib });
    using stream = device.createStream();
    using block = pool.allocate({ sizeBytes: 64, tag, stream });
    const failure = new Error("no");
    expect(() =>
      captureGraph(device, stream, () => {
        throw failure;
      }),
    ).toThrow(failure);
    // A copy from memory that is not pinned waits for the stream.
    expect(() =>
      captureGraph(device, stream, () => device.copyToDevice(block, new Uint8Array(64), { stream })),
    ).toThrow(
      expect.objectContaining({ statusName: "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", isSticky: false }),
    );
    // These wait for the device, whatever stream they are about.
    using event = device.createEvent();
    for (const waiting of [
      () => event.isComplete(),
      () => event.synchronizeBlocking(),
      () => device.defaultStream.isIdle(),
      () => device.defaultStream.synchronizeBlocking(),
      () => void device.createPinnedBuffer(64),
      () => void loadCudaModule(device, { image, manifest }),
      () => driver.check(driver.functions.cuMemAlloc_v2(new BigUint64Array(1), 64), "cuMemAlloc_v2"),
    ]) {
      expect(() => captureGraph(device, stream, waiting)).toThrow(
        expect.objectContaining({ statusName: "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", isSticky: false }),
      );
      // One whose failure is not seen spoils the recording all the same.
      const unseen = (): void => expect(waiting).toThrow("CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED");
      expect(() => captureGraph(device, stream, unseen)).toThrow(
        expect.objectContaining({ statusName: "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", isSticky: false }),
      );
    }
    expect(() => captureGraph(device, device.defaultStream, () => {})).toThrow(
      expect.objectContaining({ statusName: "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED" }),
    );
    expect(stream.isIdle()).toBe(true);
  });
});
