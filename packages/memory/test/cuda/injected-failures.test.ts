import assert from "node:assert/strict";
import { expect, it } from "vitest";
import { createCudaDevice, type CudaDevice } from "../../src/cuda/device/cuda-device.ts";
import { type CudaDriver, loadCudaDriver } from "../../src/cuda/driver/cuda-driver.ts";
import { CudaError } from "../../src/cuda/driver/cuda-error.ts";
import type { CudaEvent } from "../../src/cuda/device/cuda-event.ts";
import { cudaFunctions, cudaOptionalFunctions } from "../../src/cuda/driver/cuda-functions.ts";
import { type CudaModule, loadCudaModule } from "../../src/cuda/launch/cuda-module.ts";
import type { CudaMemoryBlock } from "../../src/cuda/device/cuda-memory-block.ts";
import { captureGraph, type CudaGraph } from "../../src/cuda/launch/cuda-graph.ts";
import { createCudaMemoryPool, type CudaMemoryPool } from "../../src/cuda/cuda-memory-pool.ts";
import type { CudaStream } from "../../src/cuda/device/cuda-stream.ts";
import type { PinnedBuffer } from "../../src/cuda/device/pinned-buffer.ts";
import { collectUntil } from "./collect-garbage.ts";
import { describeOverStandIn, type StandIn } from "./stand-in/stand-in.ts";

const mib = 2 ** 20;
const launchFailed = 719;
const tag = { model: "test", purpose: "workspace" } as const;

/** A module that the stand-in knows: `poke` writes a 1 to an address. */
const poke = {
  image: ".version 7.5 .entry spin( .entry poke(",
  manifest: {
    module: "poke",
    entries: {
      poke: {
        parameters: [["address", "address"]],
        maxThreads: 1,
        staticSharedBytes: 0,
        usesDynamicShared: true,
      },
    },
  },
} as const;

/** The objects of the steps. */
interface World {
  driver: CudaDriver;
  device: CudaDevice;
  stream: CudaStream;
  event: CudaEvent;
  pinned: PinnedBuffer | undefined;
  pool: CudaMemoryPool;
  plainPool: CudaMemoryPool;
  block: CudaMemoryBlock;
  large: CudaMemoryBlock;
  other: CudaMemoryBlock;
  asyncPointer: bigint;
  module: CudaModule<typeof poke.manifest>;
  graph: CudaGraph;
}

/** With more shared memory than kernels have without asking for it. */
function launchPoke({ module, stream, block }: World, kib: number): void {
  const options = { grid: 1, block: 1, dynamicSharedBytes: (64 + kib) * 1024, stream };
  module.function("poke").launch(options, block.devicePointer);
}

/**
 * A program that calls all driver functions that the package uses. Each step can be retried: a failed one has
 * no effect.
 */
function listSteps(standIn: StandIn, world: World, hasPinned: boolean): readonly (() => unknown)[] {
  const ends =
    (action: () => boolean): (() => void) =>
    () => {
      if (!action()) action();
    };
  void ends;
  return [
    () => (world.driver = loadCudaDriver({ libraryPaths: [standIn.path] })),
    () => (world.device = createCudaDevice({ driver: world.driver })),
    () => world.device.freeBytes(),
    () => (world.stream = world.device.createStream()),
    () => (world.event = world.device.createEvent({ isTimed: true })),
    () => (world.pinned = hasPinned ? world.device.createPinnedBuffer(4096) : undefined),
    () =>
      (world.pool = createCudaMemoryPool({
        device: world.device,
        limitBytes: 64 * mib,
        arenaBytes: 4 * mib,
        chunkBytes: 2 * mib,
      })),
    () =>
      (world.plainPool = createCudaMemoryPool({
        device: world.device,
        arenaKind: "plain",
        limitBytes: 32 * mib,
      })),
    () => (world.block = world.pool.allocate({ sizeBytes: 4096, tag, stream: world.stream })),
    () => (world.large = world.pool.allocate({ sizeBytes: 20 * mib, tag })),
    () => (world.other = world.plainPool.allocate({ sizeBytes: 3 * mib, tag })),
    () => world.device.fill(world.block, 7, { stream: world.stream }),
    () =>
      world.device.copyToDevice(world.block, world.pinned?.bytes.fill(9) ?? new Uint8Array(4096).fill(9), {
        stream: world.stream,
      }),
    () => world.device.copyOnDevice(world.large, world.block, { stream: world.stream, offsetBytes: mib }),
    () => world.stream.record(world.event),
    () => world.device.defaultStream.waitFor(world.event),
    () => world.event.isComplete(),
    () => world.event.synchronizeBlocking(),
    () => assert.equal(world.event.millisecondsSince(world.event), 0),
    () => world.stream.isIdle(),
    () => world.stream.synchronizeBlocking(),
    () => world.stream.synchronize(),
    () => {
      const back = new Uint8Array(4096);
      world.device.copyToHost(back, world.large, { offsetBytes: mib });
      assert.ok(back.every((byte) => byte === 9));
    },
    () => (world.module = loadCudaModule(world.device, poke)),
    () => world.module.function("poke").attributes(),
    () => launchPoke(world, 1),
    () => (world.graph = captureGraph(world.device, world.stream, () => launchPoke(world, 0))),
    () => world.graph.launch(world.stream),
    () => {
      const back = new Uint8Array(4);
      world.device.copyToHost(back, world.block, { stream: world.stream });
      assert.deepEqual([...back], [1, 0, 0, 0]);
    },
    () => world.graph.dispose(),
    () => world.module.dispose(),
    () => {
      const { cuMemAllocAsync } = world.driver.optional;
      world.asyncPointer = world.driver.readUint64(
        (out) => cuMemAllocAsync?.(out, 1024, 0n) ?? 1,
        "cuMemAllocAsync",
      );
    },
    () =>
      world.driver.check(
        world.driver.optional.cuMemFreeAsync?.(world.asyncPointer, 0n) ?? 1,
        "cuMemFreeAsync",
      ),
    () => world.block.isDisposed || world.block.dispose(),
    () => world.large.isDisposed || world.large.dispose(),
    // Memory that one stream freed, allocated by the other: events are recorded and queried.
    () => (world.large = world.pool.allocate({ sizeBytes: 60 * mib, tag, stream: world.stream })),
    () => world.large.isDisposed || world.large.dispose(),
    () => world.pool.reclaim(),
    () => world.pool.trim(),
    () => (world.large = world.pool.allocate({ sizeBytes: 30 * mib, tag })),
    () => world.device.fill(world.large, 1),
    () => world.large.isDisposed || world.large.dispose(),
    () => world.other.isDisposed || world.other.dispose(),
    () => world.plainPool.trim(),
    () => world.plainPool.dispose(),
    () => world.pool.dispose(),
    () => world.event.dispose(),
    () => world.stream.dispose(),
    () => world.device.dispose(),
    // A second dispose retries what the first one could not free.
    () => world.pool.dispose(),
    () => world.plainPool.dispose(),
  ];
}

/** Runs the program, each failed step a second time; returns what the first attempts threw. */
async function runProgram(standIn: StandIn, hasPinned = true): Promise<readonly unknown[]> {
  const world = {} as World;
  const failures: unknown[] = [];
  for (const step of listSteps(standIn, world, hasPinned)) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
      await step();
    }
  }
  world.pinned = undefined;
  return failures;
}

describeOverStandIn("every function of the driver, when it fails", (standIn) => {
  it("is a program without failures", async () => {
    expect(await runProgram(standIn)).toEqual([]);
    await collectUntil(() => standIn.live().pinned === 0);
  });

  // The first ones name the errors; cuda-driver.test.ts covers them. The last one is called when a view of pinned
  // memory is collected, and has a test of its own.
  const elsewhere = new Set(["cuGetErrorName", "cuGetErrorString", "cuMemFreeHost"]);
  const names = [...Object.keys(cudaFunctions), ...Object.keys(cudaOptionalFunctions)];
  for (const name of names.filter((name) => !elsewhere.has(name))) {
    it(`throws a failure of ${name} at each of its first calls, leaks nothing and continues`, async () => {
      let failedCount = 0;
      for (let after = 0; after < 8; after += 1) {
        standIn.fail(name, launchFailed, { after });
        const failures = await runProgram(standIn, name !== "cuDevicePrimaryCtxRelease_v2");
        standIn.stopFailing();
        for (const failure of failures) {
          expect(failure).toBeInstanceOf(CudaError);
          expect(failure).toMatchObject({
            code: "CUDA_ERROR",
            call: name,
            status: launchFailed,
            statusName: "CUDA_ERROR_LAUNCH_FAILED",
            message: `${name} returned CUDA_ERROR_LAUNCH_FAILED (719): unspecified launch failure`,
          });
        }
        expect(failures.length).toBeLessThanOrEqual(1);
        failedCount += failures.length;
        await collectUntil(() => standIn.live().contexts === 0);
        expect(standIn.live()).toMatchObject({
          ranges: 0,
          streams: 0,
          events: 0,
          handles: 0,
          reservations: 0,
        });
        if (failures.length === 0) break;
      }
      expect(failedCount).toBeGreaterThan(0);
    });
  }
  it("throws a failure of cuMemFreeHost at the next pinned buffer, which retries it", async () => {
    using device = createCudaDevice({ driver: standIn.driver });
    standIn.fail("cuMemFreeHost", launchFailed, { forever: true });
    device.createPinnedBuffer(4096).dispose();
    const calls = standIn.callCount();
    await collectUntil(() => standIn.callCount() > calls + 1);
    expect(() => device.createPinnedBuffer(4096)).toThrow(
      expect.objectContaining({ call: "cuMemFreeHost", statusName: "CUDA_ERROR_LAUNCH_FAILED" }),
    );
    expect(standIn.live().pinned).toBe(1);
    standIn.stopFailing();
    device.createPinnedBuffer(4096).dispose();
    await collectUntil(() => standIn.live().pinned === 0);
  });
});
