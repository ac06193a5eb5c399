import assert from "node:assert/strict";
import type { AllocationTag, GpuAllocator, MemoryBlock } from "../allocator.ts";
import { MemoryError, type MemoryErrorCode, OutOfMemoryError } from "../errors.ts";
import { createSeededRandom } from "./seeded-random.ts";

const kib = 1024;
const mib = 1024 * kib;
const conformanceTag: AllocationTag = { model: "conformance", purpose: "workspace" };

/** The settings of the pools that the suite creates. */
export interface AllocatorSetup {
  readonly limitBytes: number;
  /** The size of a new arena, to be used unchanged. */
  readonly arenaBytes: number;
}

/** Creates the allocators under test, and reads and writes their blocks. */
export interface AllocatorHarness<Block extends MemoryBlock = MemoryBlock> {
  create(setup: AllocatorSetup): GpuAllocator<Block>;
  /** Fills the block with `bytes`. */
  write(block: Block, bytes: Uint8Array): void;
  /** Returns the bytes of the whole block. */
  read(block: Block): Uint8Array;
  /** Accesses the memory: throws `BLOCK_DISPOSED` after dispose. */
  touch(block: Block): void;
}

/** One test: a sentence about behaviour, and `run`, which throws unless it holds. */
export interface ConformanceCase {
  readonly name: string;
  run(): void;
}

type Check<Block extends MemoryBlock> = (
  allocator: GpuAllocator<Block>,
  harness: AllocatorHarness<Block>,
) => void;

function assertRefused(
  codes: MemoryErrorCode | readonly MemoryErrorCode[],
  action: () => unknown,
): MemoryError {
  try {
    action();
  } catch (error) {
    if (error instanceof MemoryError && [codes].flat().includes(error.code)) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: `expected a MemoryError ${String(codes)}, got no error` });
}

function pattern(seed: number, sizeBytes: number): Uint8Array {
  // Spreads neighbouring seeds, so that the patterns differ from their first byte.
  const random = createSeededRandom(seed * 0x9e3779b1);
  return Uint8Array.from({ length: sizeBytes }, () => 256 * random());
}

function allocate<Block extends MemoryBlock>(allocator: GpuAllocator<Block>, sizeBytes: number): Block {
  return allocator.allocate({ sizeBytes, tag: conformanceTag });
}

function disposeAll(blocks: readonly MemoryBlock[]): void {
  for (const block of blocks) block.dispose();
}

function listChecks<Block extends MemoryBlock>(): Readonly<Record<string, Check<Block>>> {
  return {
    "allocates a block of the requested size, on its device, with its tag"(allocator) {
      const block = allocator.allocate({ sizeBytes: 1000, tag: { ...conformanceTag, label: "first" } });
      assert.equal(block.sizeBytes, 1000);
      assert.equal(block.deviceId, allocator.device.id);
      assert.deepEqual({ ...block.tag }, { ...conformanceTag, label: "first" });
      assert.equal(block.isDisposed, false);
      block.dispose();
      assert.equal(block.isDisposed, true);
    },
    "keeps the content of each block apart from the others"(allocator, harness) {
      const sizes = [1, 255, 256, 257, 4096, 33 * kib, 300 * kib, mib + 1];
      const blocks = sizes.map((sizeBytes) => allocate(allocator, sizeBytes));
      for (const [index, block] of blocks.entries()) harness.write(block, pattern(index, block.sizeBytes));
      for (const [index, block] of blocks.entries()) {
        const bytes = harness.read(block);
        assert.equal(bytes.byteLength, block.sizeBytes);
        assert.ok(
          Buffer.compare(bytes, pattern(index, block.sizeBytes)) === 0,
          `block ${index} was overwritten`,
        );
      }
      disposeAll(blocks);
    },
    "keeps blocks apart that reuse the memory of freed ones"(allocator, harness) {
      const blocks = Array.from({ length: 64 }, (_, index) => allocate(allocator, 100 + index * 977));
      for (const [index, block] of blocks.entries()) harness.write(block, pattern(index, block.sizeBytes));
      for (let index = 0; index < blocks.length; index += 2) {
        blocks[index]?.dispose();
        const block = allocate(allocator, 50 + index * 1201);
        harness.write(block, pattern(index + 1000, block.sizeBytes));
        blocks[index] = block;
      }
      for (const [index, block] of blocks.entries()) {
        const expected = pattern(index % 2 === 0 ? index + 1000 : index, block.sizeBytes);
        assert.ok(Buffer.compare(harness.read(block), expected) === 0, `block ${index} was overwritten`);
      }
      disposeAll(blocks);
    },
    "counts bytes in use, their peak, and allocations"(allocator) {
      const before = allocator.stats();
      assert.equal(before.inUseBytes, 0);
      assert.equal(before.limitBytes, 64 * mib);
      const blocks = [allocate(allocator, 100), allocate(allocator, mib), allocate(allocator, 3 * mib)];
      const during = allocator.stats();
      assert.equal(during.liveBlockCount, 3);
      assert.equal(during.allocationCount, 3);
      assert.ok(during.inUseBytes >= 4 * mib + 100 && during.inUseBytes < 4 * mib + 64 * kib);
      assert.ok(during.arenaBytes >= during.inUseBytes && during.arenaBytes <= during.limitBytes);
      disposeAll(blocks);
      const after = allocator.stats();
      assert.equal(after.inUseBytes, 0);
      assert.equal(after.liveBlockCount, 0);
      assert.equal(after.allocationCount, 3);
      assert.equal(after.peakInUseBytes, during.inUseBytes);
    },
    "is out of memory above the limit, with the numbers, and stays usable"(allocator) {
      const held = allocate(allocator, 40 * mib);
      const error = assertRefused("OUT_OF_MEMORY", () => allocate(allocator, 30 * mib));
      assert.ok(error instanceof OutOfMemoryError);
      assert.equal(error.requestedBytes, 30 * mib);
      assert.equal(error.limitBytes, 64 * mib);
      assert.equal(error.inUseBytes, 40 * mib);
      assert.equal(error.freeBytes, 24 * mib);
      assert.equal(error.deviceId, allocator.device.id);
      assert.deepEqual({ ...error.usageByTag[0]?.tag }, conformanceTag);
      assert.equal(error.usageByTag[0]?.sizeBytes, 40 * mib);
      const small = allocate(allocator, 20 * mib);
      disposeAll([held, small]);
      allocate(allocator, 60 * mib).dispose();
    },
    "trims itself before it is out of memory"(allocator) {
      disposeAll(Array.from({ length: 60 }, () => allocate(allocator, mib)));
      allocate(allocator, 64 * mib).dispose();
    },
    "trims empty arenas and keeps live blocks"(allocator, harness) {
      const kept = allocate(allocator, 64 * kib);
      harness.write(kept, pattern(7, kept.sizeBytes));
      disposeAll([allocate(allocator, 20 * mib), allocate(allocator, 20 * mib)]);
      const before = allocator.stats().arenaBytes;
      const givenBackBytes = allocator.trim();
      assert.equal(allocator.stats().arenaBytes, before - givenBackBytes);
      assert.ok(Buffer.compare(harness.read(kept), pattern(7, kept.sizeBytes)) === 0);
      kept.dispose();
      allocator.trim();
      assert.equal(allocator.stats().arenaBytes, 0);
    },
    "refuses to free a block twice"(allocator) {
      const block = allocate(allocator, 5000);
      block.dispose();
      assertRefused("DOUBLE_FREE", () => block.dispose());
      assert.equal(allocator.stats().liveBlockCount, 0);
    },
    "refuses access to a disposed block"(allocator, harness) {
      const block = allocate(allocator, 5000);
      harness.touch(block);
      block.dispose();
      assertRefused("BLOCK_DISPOSED", () => harness.touch(block));
    },
    "frees a block at the end of its scope"(allocator) {
      {
        using block = allocate(allocator, 5000);
        assert.equal(block.isDisposed, false);
      }
      assert.equal(allocator.stats().liveBlockCount, 0);
    },
    "refuses invalid sizes and alignments"(allocator) {
      for (const sizeBytes of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        const error = assertRefused(["INVALID_ARGUMENT", "BLOCK_TOO_LARGE"], () =>
          allocate(allocator, sizeBytes),
        );
        assert.match(error.message, /\d|NaN|Infinity/);
      }
      for (const alignmentBytes of [0, 3, 768, -256]) {
        assertRefused("INVALID_ARGUMENT", () =>
          allocator.allocate({ sizeBytes: 1, tag: conformanceTag, alignmentBytes }),
        );
      }
      assert.equal(allocator.stats().allocationCount, 0);
    },
    "keeps the memory of a reservation from other allocations"(allocator) {
      const reservation = allocator.reserve(48 * mib, conformanceTag);
      assert.equal(reservation.remainingBytes, 48 * mib);
      assert.equal(allocator.stats().reservedBytes, 48 * mib);
      assert.equal(allocator.stats().inUseBytes, 0);
      assertRefused("OUT_OF_MEMORY", () => allocate(allocator, 20 * mib));
      const first = reservation.allocate({ sizeBytes: 40 * mib, tag: conformanceTag });
      assert.equal(reservation.remainingBytes, 8 * mib);
      assert.equal(allocator.stats().reservedBytes, 8 * mib);
      assertRefused("RESERVATION_EXCEEDED", () =>
        reservation.allocate({ sizeBytes: 9 * mib, tag: conformanceTag }),
      );
      const second = reservation.allocate({ sizeBytes: 8 * mib, tag: conformanceTag });
      assert.equal(reservation.remainingBytes, 0);
      reservation.dispose();
      assert.equal(allocator.stats().inUseBytes, 48 * mib);
      disposeAll([first, second]);
      assert.equal(allocator.stats().inUseBytes, 0);
    },
    "frees what a reservation did not allocate"(allocator) {
      const reservation = allocator.reserve(40 * mib, conformanceTag);
      const block = reservation.allocate({ sizeBytes: 10 * mib, tag: conformanceTag });
      reservation.dispose();
      assert.equal(allocator.stats().reservedBytes, 0);
      assertRefused("RESERVATION_DISPOSED", () =>
        reservation.allocate({ sizeBytes: 1, tag: conformanceTag }),
      );
      const other = allocate(allocator, 30 * mib);
      assert.equal(allocator.stats().inUseBytes, 40 * mib);
      disposeAll([block, other]);
    },
    "reserves all or nothing"(allocator) {
      assertRefused("OUT_OF_MEMORY", () => allocator.reserve(65 * mib, conformanceTag));
      assert.equal(allocator.stats().reservedBytes, 0);
    },
    "aligns as requested, and reuses the padding"(allocator, harness) {
      const blocks = [256, 512, 1024, 4096].map((alignmentBytes, index) => {
        const block = allocator.allocate({ sizeBytes: 300 + index, tag: conformanceTag, alignmentBytes });
        harness.write(block, pattern(index, block.sizeBytes));
        return block;
      });
      for (const [index, block] of blocks.entries()) {
        assert.ok(Buffer.compare(harness.read(block), pattern(index, block.sizeBytes)) === 0);
      }
      assert.ok(allocator.stats().inUseBytes <= 4 * 1024);
      disposeAll(blocks);
    },
    "coalesces all memory when everything is freed"(allocator) {
      const blocks = Array.from({ length: 200 }, (_, index) =>
        allocate(allocator, ((index * 7919) % 3000) + 1),
      );
      for (let stride = 0; stride < 7; stride += 1) {
        for (let index = stride; index < blocks.length; index += 7) blocks[index]?.dispose();
      }
      const { fragmentation, largestFreeBytes, arenaBytes, inUseBytes } = allocator.stats();
      assert.equal(inUseBytes, 0);
      assert.equal(largestFreeBytes, arenaBytes);
      assert.equal(fragmentation, 0);
    },
    "is disposed once, with its blocks, and refuses to be used afterwards"(allocator, harness) {
      const block = allocate(allocator, 1000);
      const reservation = allocator.reserve(mib, conformanceTag);
      allocator.dispose();
      assert.equal(block.isDisposed, true);
      assertRefused("BLOCK_DISPOSED", () => harness.touch(block));
      assertRefused("POOL_DISPOSED", () => allocate(allocator, 1));
      assertRefused("POOL_DISPOSED", () => allocator.reserve(1, conformanceTag));
      assertRefused("POOL_DISPOSED", () => reservation.allocate({ sizeBytes: 1, tag: conformanceTag }));
      block.dispose();
      reservation.dispose();
      allocator.dispose();
    },
  };
}

/**
 * Lists what every `GpuAllocator` must do, for any test runner:
 * `for (const { name, run } of allocatorCases(harness)) it(name, run)`.
 */
export function allocatorCases<Block extends MemoryBlock>(
  harness: AllocatorHarness<Block>,
): readonly ConformanceCase[] {
  return Object.entries(listChecks<Block>()).map(([name, check]) => ({
    name,
    run() {
      const allocator = harness.create({ limitBytes: 64 * mib, arenaBytes: 4 * mib });
      try {
        check(allocator, harness);
        assert.equal(allocator.device.id, allocator.stats().deviceId);
      } finally {
        allocator.dispose();
      }
    },
  }));
}
