import { describe, expect, it } from "vitest";
import type { CudaMemoryBlock } from "../../src/cuda/device/cuda-memory-block.ts";
import { createCudaDevice, type CudaDevice } from "../../src/cuda/device/cuda-device.ts";
import { createCudaMemoryPool } from "../../src/cuda/cuda-memory-pool.ts";
import { allocatorCases, type AllocatorHarness } from "../../src/testing.ts";
import { describeOverStandIn, type StandIn } from "./stand-in/stand-in.ts";

const mib = 2 ** 20;
const conformanceTag = { model: "conformance", purpose: "other" } as const;

interface Setting {
  readonly arenaKind: "virtual" | "plain";
  /** With two, events order the reuse of memory. */
  readonly streamCount: 1 | 2;
}

function createHarness(
  standIn: StandIn,
  { arenaKind, streamCount }: Setting,
): AllocatorHarness<CudaMemoryBlock> {
  const opened: CudaDevice[] = [];
  const deviceOf = (): CudaDevice => {
    const device = opened.at(-1);
    if (device === undefined) throw new Error("no pool was created");
    return device;
  };
  return {
    create({ limitBytes, arenaBytes }) {
      const device = createCudaDevice({ driver: standIn.driver });
      opened.push(device);
      const pool = createCudaMemoryPool({
        device,
        limitBytes,
        arenaBytes,
        arenaKind,
        chunkBytes: 2 * mib,
        events: { emit: () => undefined },
      });
      if (streamCount === 2) {
        const stream = device.createStream();
        const unused = device.createStream();
        // A pool knows a stream from its first request on, even a refused one.
        for (const each of [unused, stream]) {
          expect(() => pool.allocate({ sizeBytes: 0, tag: conformanceTag, stream: each })).toThrow(/got 0/);
        }
        unused.dispose();
        stream.dispose();
      }
      let isDisposed = false;
      return {
        ...pool,
        stats() {
          if (isDisposed) return pool.stats();
          // What the default stream freed coalesces with the rest once an event is complete.
          pool.stats();
          pool.reclaim();
          device.defaultStream.synchronizeBlocking();
          pool.reclaim();
          return pool.stats();
        },
        dispose() {
          isDisposed = true;
          pool.dispose();
          device.dispose();
        },
      };
    },
    write: (block, bytes) => deviceOf().copyToDevice(block, bytes),
    read(block) {
      const bytes = new Uint8Array(block.sizeBytes);
      deviceOf().copyToHost(bytes, block);
      return bytes;
    },
    touch: (block) => deviceOf().fill(block, 1),
  };
}

const settings: readonly Setting[] = [
  { arenaKind: "virtual", streamCount: 1 },
  { arenaKind: "virtual", streamCount: 2 },
  { arenaKind: "plain", streamCount: 1 },
  { arenaKind: "plain", streamCount: 2 },
];

describe.each(settings)("$arenaKind arenas, $streamCount streams", (setting) => {
  describeOverStandIn("a CUDA pool", (standIn) => {
    it.each([...allocatorCases(createHarness(standIn, setting))])("$name", (allocatorCase) => {
      expect(() => allocatorCase.run()).not.toThrow();
    });
  });
});
