import { expect, it } from "vitest";
import type { CudaMemoryBlock } from "../../src/cuda/cuda-memory-block.ts";
import { createCudaDevice, type CudaDevice } from "../../src/cuda/cuda-device.ts";
import { createCudaMemoryPool } from "../../src/cuda/cuda-memory-pool.ts";
import { allocatorCases, type AllocatorHarness } from "../../src/testing.ts";
import { describeOverStandIn, type StandIn } from "./stand-in/stand-in.ts";

const MIB = 2 ** 20;

function createHarness(standIn: StandIn, arenaKind: "virtual" | "plain"): AllocatorHarness<CudaMemoryBlock> {
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
        chunkBytes: 2 * MIB,
        events: { emit: () => undefined },
      });
      let isDisposed = false;
      return {
        ...pool,
        stats() {
          if (isDisposed) return pool.stats();
          // What the default stream freed is in one piece with the rest once an event said so.
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

for (const kind of ["virtual", "plain"] as const) {
  describeOverStandIn(`a CUDA pool over ${kind} arenas`, (standIn) => {
    it.each([...allocatorCases(createHarness(standIn, kind))])("$name", (allocatorCase) => {
      expect(() => allocatorCase.run()).not.toThrow();
    });
  });
}
