import assert from "node:assert/strict";
import type { AllocationTag, GpuAllocator, MemoryBlock, MemoryReservation } from "../allocator.ts";
import { MemoryError } from "../errors.ts";
import { createSeededRandom } from "./seeded-random.ts";

/** The address of a block. Blocks of one space must not overlap. */
export interface BlockAddress {
  /** The arena or address space; compared by identity. */
  readonly space: unknown;
  /** In bytes. */
  readonly start: number;
}

export interface SoakOptions<Block extends MemoryBlock> {
  readonly allocator: GpuAllocator<Block>;
  readonly operationCount: number;
  readonly seed: number;
  /** The largest block; sizes are distributed evenly in the logarithm, from 1 byte. */
  readonly maxBlockBytes: number;
  addressOf(block: Block): BlockAddress;
  /** Writes a pattern with the id; absent where that is too slow. */
  mark?(block: Block, id: number): void;
  /** Throws when the pattern is damaged. */
  verify?(block: Block, id: number): void;
}

export interface SoakResult {
  readonly allocationCount: number;
  readonly refusedCount: number;
  readonly freeCount: number;
  readonly peakInUseBytes: number;
  readonly peakLiveCount: number;
}

interface LiveBlock<Block> {
  readonly block: Block;
  readonly id: number;
  readonly address: BlockAddress;
}

const tags: readonly AllocationTag[] = [
  { model: "soak", purpose: "weights" },
  { model: "soak", purpose: "kv-cache" },
  { model: "soak", purpose: "workspace", label: "step" },
];

/** The live blocks of each space, sorted by address. */
class AddressModel<Block extends MemoryBlock> {
  readonly #spaces: Map<unknown, LiveBlock<Block>[]> = new Map();

  add(live: LiveBlock<Block>): void {
    const { space, start } = live.address;
    let blocks = this.#spaces.get(space);
    if (blocks === undefined) this.#spaces.set(space, (blocks = []));
    const at = this.#find(blocks, start);
    const left = blocks[at - 1];
    const right = blocks[at];
    const leftEnd = left === undefined ? 0 : left.address.start + left.block.sizeBytes;
    assert.ok(
      leftEnd <= start,
      `expected blocks apart, got one at ${start} that overlaps one that ends at ${leftEnd}`,
    );
    const end = start + live.block.sizeBytes;
    assert.ok(
      right === undefined || right.address.start >= end,
      `expected blocks apart, got one that ends at ${end} and overlaps the next`,
    );
    blocks.splice(at, 0, live);
  }

  remove(live: LiveBlock<Block>): void {
    const blocks = this.#spaces.get(live.address.space) ?? [];
    const at = this.#find(blocks, live.address.start);
    assert.equal(blocks[at], live);
    blocks.splice(at, 1);
    if (blocks.length === 0) this.#spaces.delete(live.address.space);
  }

  #find(blocks: readonly LiveBlock<Block>[], start: number): number {
    let low = 0;
    for (let high = blocks.length; low < high;) {
      const middle = (low + high) >>> 1;
      if ((blocks[middle]?.address.start ?? 0) < start) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * Runs random operations on a pool and checks each against a model: no overlap, alignment, totals, out of memory
 * only where nothing fits, nothing left at the end. Throws an AssertionError.
 */
export function soakAllocator<Block extends MemoryBlock>(options: SoakOptions<Block>): SoakResult {
  const { allocator, maxBlockBytes } = options;
  const model = new AddressModel<Block>();
  const live: LiveBlock<Block>[] = [];
  let reservation: MemoryReservation<Block> | undefined;
  const random = createSeededRandom(options.seed);
  let nextId = 1;
  let refusedCount = 0;
  let freeCount = 0;
  let peakLiveCount = 0;

  const allocate = (from: {
    allocate(request: { sizeBytes: number; tag: AllocationTag; alignmentBytes?: number }): Block;
  }): void => {
    const sizeBytes = Math.max(1, Math.floor(maxBlockBytes ** random()));
    const tag = tags[Math.floor(random() * tags.length)] ?? { model: "soak", purpose: "other" };
    const alignmentBytes = random() < 0.1 ? 256 << Math.floor(random() * 5) : 256;
    const before = allocator.stats();
    let block: Block;
    try {
      block = from.allocate(alignmentBytes === 256 ? { sizeBytes, tag } : { sizeBytes, tag, alignmentBytes });
    } catch (error) {
      if (!(error instanceof MemoryError)) throw error;
      assert.ok(error.code === "OUT_OF_MEMORY" || error.code === "RESERVATION_EXCEEDED", error.message);
      const after = allocator.stats();
      assert.equal(after.inUseBytes, before.inUseBytes);
      const fits =
        error.code === "OUT_OF_MEMORY" && alignmentBytes === 256 && after.largestFreeBytes >= sizeBytes;
      assert.ok(
        !fits,
        `expected ${sizeBytes} bytes with a free block of ${after.largestFreeBytes}, got out of memory`,
      );
      refusedCount += 1;
      return;
    }
    const id = nextId;
    nextId += 1;
    assert.equal(block.sizeBytes, sizeBytes);
    const entry = { block, id, address: options.addressOf(block) };
    assert.equal(entry.address.start % alignmentBytes, 0);
    model.add(entry);
    options.mark?.(block, id);
    live.push(entry);
    peakLiveCount = Math.max(peakLiveCount, live.length);
  };
  const free = (at: number): void => {
    const entry = live[at];
    const last = live.pop();
    if (entry === undefined || last === undefined) return;
    if (entry !== last) live[at] = last;
    options.verify?.(entry.block, entry.id);
    model.remove(entry);
    entry.block.dispose();
    freeCount += 1;
  };
  const check = (): void => {
    const stats = allocator.stats();
    assert.equal(stats.liveBlockCount, live.length);
    assert.equal(stats.reservedBytes > 0, (reservation?.remainingBytes ?? 0) > 0);
    assert.ok(stats.inUseBytes + stats.reservedBytes <= stats.arenaBytes);
    assert.ok(stats.arenaBytes <= stats.limitBytes);
    assert.ok(stats.largestFreeBytes <= stats.arenaBytes - stats.inUseBytes - stats.reservedBytes);
    assert.ok(stats.fragmentation >= 0 && stats.fragmentation <= 1);
  };

  for (let operation = 0; operation < options.operationCount; operation += 1) {
    // The share of allocations rises and falls, so that the pool is full at times and nearly empty at others.
    const share = 0.5 + 0.2 * Math.sin(operation / 5000);
    const dice = random();
    if (dice > 0.9995) {
      allocator.trim();
    } else if (dice > 0.999) {
      reservation?.dispose();
      reservation = undefined;
      if (allocator.stats().largestFreeBytes > maxBlockBytes) {
        reservation = allocator.reserve(maxBlockBytes, { model: "soak", purpose: "other" });
      }
    } else if (random() < share) {
      allocate(reservation !== undefined && random() < 0.1 ? reservation : allocator);
    } else {
      free(Math.floor(random() * live.length));
    }
    if (operation % 64 === 0) check();
  }
  const { peakInUseBytes, allocationCount } = allocator.stats();
  reservation?.dispose();
  while (live.length > 0) free(live.length - 1);
  const { inUseBytes, reservedBytes, liveBlockCount } = allocator.stats();
  assert.deepEqual(
    { inUseBytes, reservedBytes, liveBlockCount },
    { inUseBytes: 0, reservedBytes: 0, liveBlockCount: 0 },
  );
  allocator.trim();
  assert.equal(allocator.stats().arenaBytes, 0);
  return { allocationCount, refusedCount, freeCount, peakInUseBytes, peakLiveCount };
}
