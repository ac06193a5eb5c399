import type { AllocationTag, MemoryBlock } from "../allocator.ts";
import { formatTag, MemoryError } from "../errors.ts";
import type { BlockOwner, BlockRange } from "../pool/memory-pool.ts";
import type { CudaArena } from "./cuda-arena-source.ts";

/** Memory on a GPU. Disposing it orders its reuse behind the work on its stream. */
export interface CudaMemoryBlock extends MemoryBlock {
  /** For kernels and for the driver. @throws MemoryError `BLOCK_DISPOSED` */
  readonly devicePointer: bigint;
  /** The stream that it was allocated for; 0 is the default stream. */
  readonly streamId: number;
}

/** What a block of a CUDA pool needs to know of it. */
export interface CudaBlockHooks {
  /** The stream behind whose work a free is ordered; undefined when that stream has ended, its work with it. */
  liveStreamId(streamId: number): number | undefined;
  /** Called after a block went back. */
  afterFree(): void;
}

/** A block in an arena of a CUDA pool. */
export class CudaBlock implements CudaMemoryBlock {
  readonly #owner: BlockOwner<CudaArena>;
  readonly #range: BlockRange;
  readonly #home: CudaBlockHooks;
  #streamId = 0;
  #isDisposed = false;

  constructor(owner: BlockOwner<CudaArena>, range: BlockRange, home: CudaBlockHooks) {
    this.#owner = owner;
    this.#range = range;
    this.#home = home;
  }

  static isOwnedBy(owner: BlockOwner<CudaArena>, block: MemoryBlock): block is CudaBlock {
    return #owner in block && block.#owner === owner;
  }

  /** Says which stream the block is for, before anybody else has it. */
  static assign(block: CudaMemoryBlock, streamId: number): void {
    if (#owner in block) block.#streamId = streamId;
  }

  get sizeBytes(): number {
    return this.#range.sizeBytes;
  }

  get tag(): AllocationTag {
    return this.#range.holder.tag;
  }

  get deviceId(): string {
    return this.#owner.device.id;
  }

  get streamId(): number {
    return this.#streamId;
  }

  get isDisposed(): boolean {
    return this.#isDisposed || this.#owner.isDisposed;
  }

  get devicePointer(): bigint {
    if (this.isDisposed) {
      throw new MemoryError(
        "BLOCK_DISPOSED",
        `wanted the address of ${formatTag(this.tag)}, found a disposed block`,
      );
    }
    const { handle } = this.#range;
    return this.#owner.arenaOf(handle).base + BigInt(this.#owner.offsetOf(handle));
  }

  dispose(): void {
    this.disposeOn(this.#streamId);
  }

  /** Disposes the block; others get its memory once the stream has run what it has now. */
  disposeOn(streamId: number): void {
    if (this.#isDisposed) {
      throw new MemoryError(
        "DOUBLE_FREE",
        `wanted a live block of ${formatTag(this.tag)}, found one disposed before`,
      );
    }
    this.#isDisposed = true;
    this.#owner.release(this.#range.handle, this.#range.holder, this.#home.liveStreamId(streamId));
    this.#home.afterFree();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
