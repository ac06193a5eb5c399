import assert from "node:assert/strict";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { createCudaDevice, type CudaDevice } from "../../src/cuda/device/cuda-device.ts";
import type { CudaMemoryBlock } from "../../src/cuda/device/cuda-memory-block.ts";
import {
  createCudaMemoryPool,
  type CudaMemoryPool,
  type CudaMemoryPoolOptions,
} from "../../src/cuda/cuda-memory-pool.ts";
import type { CudaStream } from "../../src/cuda/device/cuda-stream.ts";
import type { PinnedBuffer } from "../../src/cuda/device/pinned-buffer.ts";
import { OutOfMemoryError } from "../../src/errors.ts";
import { collectUntil } from "./collect-garbage.ts";
import { describeOverStandIn, type StandIn } from "./stand-in/stand-in.ts";

const kib = 1024;
const mib = 1024 * kib;
const tag = { model: "test", purpose: "workspace" } as const;
const limit = 48 * mib;

type Command =
  | { readonly kind: "allocate"; readonly sizeBytes: number; readonly stream: number; readonly shift: number }
  | { readonly kind: "free"; readonly which: number; readonly stream: number | undefined }
  | { readonly kind: "hold" | "release" | "reclaim" | "trim" };

const sizes = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 40 * kib }) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 3 * mib }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 60 * mib }) },
);
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant("allocate" as const),
      sizeBytes: sizes,
      stream: fc.nat(2),
      shift: fc.nat(4),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("free" as const),
      which: fc.nat(1000),
      stream: fc.option(fc.nat(2), { nil: undefined }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom("hold", "release", "reclaim", "trim") }),
  },
);
const commands: fc.Arbitrary<readonly Command[]> = fc.array(command, { maxLength: 120 });
const longCommands: fc.Arbitrary<readonly Command[]> = fc.array(command, { minLength: 100, maxLength: 200 });

/** Blocks by address, with the freed ones whose streams have not run yet. */
class Model {
  readonly live: CudaMemoryBlock[] = [];
  inUseBytes = 0;

  add(block: CudaMemoryBlock, alignmentBytes: number): void {
    const start = block.devicePointer;
    assert.equal(start % BigInt(alignmentBytes), 0n);
    for (const other of this.live) {
      const isApart =
        start + BigInt(block.sizeBytes) <= other.devicePointer ||
        other.devicePointer + BigInt(other.sizeBytes) <= start;
      assert.ok(isApart, "two live blocks overlap");
    }
    this.live.push(block);
    this.inUseBytes += Math.ceil(block.sizeBytes / 256) * 256;
  }

  remove(which: number): CudaMemoryBlock | undefined {
    const [block] = this.live.splice(which % Math.max(1, this.live.length), 1);
    if (block !== undefined) this.inUseBytes -= Math.ceil(block.sizeBytes / 256) * 256;
    return block;
  }
}

/** The content of each freed block when its last stream reads it, behind all work queued before. */
class Readings {
  readonly #pinned: PinnedBuffer;
  readonly #expected: number[] = [];

  constructor(device: CudaDevice) {
    this.#pinned = device.createPinnedBuffer(1024);
  }

  /** Queues reading one byte of the block. */
  queue(
    device: CudaDevice,
    block: CudaMemoryBlock,
    { value, stream }: { value: number; stream: CudaStream },
  ): void {
    const target = this.#pinned.bytes.subarray(this.#expected.length, this.#expected.length + 1);
    device.copyToHost(target, block, { stream, offsetBytes: block.sizeBytes - 1 });
    this.#expected.push(value);
  }

  check(): void {
    assert.deepEqual([...this.#pinned.bytes.subarray(0, this.#expected.length)], this.#expected);
    this.#pinned.dispose();
  }
}

/** A fresh stand-in, a device with three streams, and a pool; all are disposed together. */
function setUp(standIn: StandIn, options: Omit<CudaMemoryPoolOptions, "device">) {
  standIn.reset();
  const device = createCudaDevice({ driver: standIn.driver });
  const streams = [device.defaultStream, device.createStream(), device.createStream()];
  const pool = createCudaMemoryPool({ ...options, device, chunkBytes: 2 * mib });
  return {
    device,
    streams,
    pool,
    [Symbol.dispose]() {
      for (const owned of [pool, ...streams, device]) owned.dispose();
    },
  };
}

function assertCoalesced(pool: CudaMemoryPool, device: CudaDevice): void {
  pool.reclaim();
  device.defaultStream.synchronizeBlocking();
  pool.reclaim();
  const { inUseBytes, liveBlockCount, reservedBytes } = pool.stats();
  assert.deepEqual([inUseBytes, liveBlockCount, reservedBytes], [0, 0, 0]);
  pool.trim();
  assert.equal(pool.stats().arenaBytes, 0);
  assert.equal(pool.stats().fragmentation, 0);
}

describeOverStandIn("streams that run in any order", (standIn) => {
  for (const arenaKind of ["virtual", "plain"] as const) {
    it(`never reuse blocks of other streams in ${arenaKind} arenas`, async () => {
      fc.assert(
        fc.property(longCommands, (list) => {
          using setup = setUp(standIn, { arenaKind, limitBytes: 4 * mib, arenaBytes: 2 * mib });
          const { device, streams, pool } = setup;
          using event = device.createEvent();
          const readings = new Readings(device);
          // From here on a stream runs only when it is awaited, or when all are released.
          standIn.hold();
          const live: {
            readonly block: CudaMemoryBlock;
            readonly value: number;
            readonly stream: CudaStream;
          }[] = [];
          const end = ({ block, value, stream }: (typeof live)[number], last: CudaStream): void => {
            if (last !== stream) {
              stream.record(event);
              last.waitFor(event);
            }
            readings.queue(device, block, { value, stream: last });
            pool.free(block, last);
          };
          for (const [index, command] of list.entries()) {
            if (command.kind === "allocate") {
              const stream = streams[command.stream] ?? device.defaultStream;
              const value = (index * 2 + 1) & 255;
              // Slots of slabs and ranges, enough of each to run out.
              const isSmall = command.shift < 2;
              const sizeBytes = isSmall
                ? 1 + (command.sizeBytes & 32_767)
                : 128 * kib + (command.sizeBytes >> 3);
              try {
                const block = pool.allocate({ sizeBytes, tag, stream });
                device.fill(block, value, { stream });
                live.push({ block, value, stream });
              } catch (error) {
                if (!(error instanceof OutOfMemoryError)) throw error;
              }
            } else if (command.kind === "free") {
              const [entry] = live.splice(command.which % Math.max(1, live.length), 1);
              if (entry !== undefined) end(entry, streams[command.stream ?? -1] ?? entry.stream);
            } else if (command.kind === "release") {
              standIn.release();
              standIn.hold();
            } else if (command.kind === "hold") {
              streams[index % 3]?.synchronizeBlocking();
            } else if (command.kind === "trim") {
              pool.trim();
            } else {
              pool.reclaim();
            }
          }
          for (const entry of live) end(entry, entry.stream);
          standIn.release();
          device.defaultStream.synchronizeBlocking();
          readings.check();
        }),
        { seed: 20_261_120, numRuns: 150 },
      );
      await collectUntil(() => standIn.live().pinned === 0);
    });
  }
});

describeOverStandIn("a CUDA pool with any order of sizes, streams and frees", (standIn) => {
  for (const arenaKind of ["virtual", "plain"] as const) {
    it(`keeps ${arenaKind} blocks apart and aligned, counts right, and coalesces at the end`, () => {
      fc.assert(
        fc.property(commands, (list) => {
          using setup = setUp(standIn, { arenaKind, limitBytes: limit, arenaBytes: 4 * mib });
          const { device, streams, pool } = setup;
          const model = new Model();
          for (const command of list) {
            if (command.kind === "allocate") {
              const alignmentBytes = 256 << command.shift;
              const stream = streams[command.stream];
              try {
                const block = pool.allocate({ sizeBytes: command.sizeBytes, tag, stream, alignmentBytes });
                assert.equal(block.streamId, stream?.id);
                model.add(block, alignmentBytes);
                if (stream !== undefined) device.fill(block, 1, { stream, sizeBytes: 1 });
              } catch (error) {
                if (!(error instanceof OutOfMemoryError)) throw error;
                assert.equal(error.inUseBytes, pool.stats().inUseBytes);
                assert.equal(error.requestedBytes, command.sizeBytes);
              }
            } else if (command.kind === "free") {
              const block = model.remove(command.which);
              if (block !== undefined) {
                pool.free(block, command.stream === undefined ? undefined : streams[command.stream]);
              }
            } else if (command.kind === "hold") {
              standIn.hold();
            } else if (command.kind === "release") {
              standIn.release();
            } else if (command.kind === "reclaim") {
              pool.reclaim();
            } else {
              pool.trim();
            }
            const stats = pool.stats();
            expect(stats.liveBlockCount).toBe(model.live.length);
            expect(stats.inUseBytes).toBeGreaterThanOrEqual(model.inUseBytes);
            expect(stats.inUseBytes).toBeLessThanOrEqual(stats.arenaBytes);
            expect(stats.arenaBytes).toBeLessThanOrEqual(limit);
          }
          for (let block = model.remove(0); block !== undefined; block = model.remove(0)) block.dispose();
          standIn.release();
          assertCoalesced(pool, device);
        }),
        { seed: 20_260_711, numRuns: 150 },
      );
    });
  }
});
