import type { AllocationTag, HostMemoryBlock, MemoryBlock } from "../allocator.ts";
import type { HostArena } from "./host-arena-source.ts";
import { type BlockOwner, type BlockRange, refuseDisposed, refuseDoubleFree } from "./memory-pool.ts";

/** A block of a host pool. */
export class HostBlock implements HostMemoryBlock {
  readonly #owner: BlockOwner<HostArena>;
  readonly #range: BlockRange;
  #isDisposed = false;
  #bytes: Uint8Array | undefined;

  constructor(owner: BlockOwner<HostArena>, range: BlockRange) {
    this.#owner = owner;
    this.#range = range;
  }

  static isOwnedBy(owner: BlockOwner<HostArena>, block: MemoryBlock): boolean {
    return #owner in block && block.#owner === owner;
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

  get isDisposed(): boolean {
    return this.#isDisposed || this.#owner.isDisposed;
  }

  get bytes(): Uint8Array {
    if (this.isDisposed) refuseDisposed(this);
    if (this.#bytes === undefined) {
      const { handle, sizeBytes } = this.#range;
      const { buffer, baseOffset } = this.#owner.arenaOf(handle);
      this.#bytes = new Uint8Array(buffer, baseOffset + this.#owner.offsetOf(handle), sizeBytes);
    }
    return this.#bytes;
  }

  dispose(): void {
    if (this.#isDisposed) refuseDoubleFree(this);
    this.#isDisposed = true;
    this.#bytes = undefined;
    this.#owner.release(this.#range.handle, this.#range.record);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
