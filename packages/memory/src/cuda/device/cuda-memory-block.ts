import type { AllocationTag, MemoryBlock } from "../../allocator.ts";
import {
  type BlockOwner,
  type BlockRange,
  refuseDisposed,
  refuseDoubleFree,
} from "../../pool/memory-pool.ts";
import type { CudaArena } from "./cuda-arena-source.ts";

/** A block in GPU memory. After dispose, its memory is reused behind the work on its stream. */
export interface CudaMemoryBlock extends MemoryBlock {
  /** For kernels and for the driver. @throws MemoryError `BLOCK_DISPOSED` */
  readonly devicePointer: bigint;
  /** The stream of the allocation; 0 is the default stream. */
  readonly streamId: number;
}

/** The part of a CUDA pool that its blocks use. */
export interface CudaBlockHooks {
  /** The stream behind whose work a free is ordered; undefined when the stream is destroyed. */
  liveStreamId(streamId: number): number | undefined;
  /** Called after a block was freed. */
  afterFree(): void;
}

/** A block in an arena of a CUDA pool. */
export class CudaBlock implements CudaMemoryBlock {
  readonly #owner: BlockOwner<CudaArena>;
  readonly #range: BlockRange;
  readonly #hooks: CudaBlockHooks;
  #streamId = 0;
  #isDisposed = false;

  constructor(owner: BlockOwner<CudaArena>, range: BlockRange, hooks: CudaBlockHooks) {
    this.#owner = owner;
    this.#range = range;
    this.#hooks = hooks;
  }

  static isOwnedBy(owner: BlockOwner<CudaArena>, block: MemoryBlock): block is CudaBlock {
    return #owner in block && block.#owner === owner;
  }

  /** Sets the stream of a new block. */
  static assign(block: CudaMemoryBlock, streamId: number): void {
    if (#owner in block) block.#streamId = streamId;
  }

  get sizeBytes(): number {
    return this.#range.sizeBytes;
  }

  get tag(): AllocationTag {
    return this.#range.record.tag;
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
    if (this.isDisposed) refuseDisposed(this);
    const { handle } = this.#range;
    return this.#owner.arenaOf(handle).base + BigInt(this.#owner.offsetOf(handle));
  }

  dispose(): void {
    this.disposeOn(this.#streamId);
  }

  /** Disposes the block; other streams reuse its memory once the work that is now on the stream has run. */
  disposeOn(streamId: number): void {
    if (this.#isDisposed) refuseDoubleFree(this);
    this.#isDisposed = true;
    this.#owner.release(this.#range.handle, this.#range.record, this.#hooks.liveStreamId(streamId));
    this.#hooks.afterFree();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
