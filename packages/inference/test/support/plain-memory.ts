import type { MemoryPort } from "../../src/ports.ts";

/** Blocks that were given back, by their size: new memory costs a page fault for each 4 KiB. */
const kept = new Map<number, Uint8Array[]>();
const maxKeptCount = 16;
const maxKeptBytes = 2 ** 20;

/** A pool without limits that counts what is held. Memory is full of NaN when it is taken, and when it is given back. */
export class PlainMemory implements MemoryPort {
  liveBytes = 0;
  liveBlockCount = 0;
  /** Refuses what would go beyond. */
  limitBytes: number = Infinity;

  allocate(request: Parameters<MemoryPort["allocate"]>[0]): ReturnType<MemoryPort["allocate"]> {
    const { sizeBytes } = request;
    if (this.liveBytes + sizeBytes > this.limitBytes) {
      throw new Error(`out of memory at ${request.tag.label}`);
    }
    this.liveBytes += sizeBytes;
    this.liveBlockCount += 1;
    let isLive = true;
    const bytes = kept.get(sizeBytes)?.pop() ?? new Uint8Array(sizeBytes).fill(0xff);
    return {
      bytes,
      dispose: () => {
        if (!isLive) throw new Error("a block was disposed twice");
        isLive = false;
        this.liveBytes -= sizeBytes;
        this.liveBlockCount -= 1;
        bytes.fill(0xff);
        const others = kept.get(sizeBytes) ?? [];
        if (sizeBytes <= maxKeptBytes && others.length < maxKeptCount) {
          kept.set(sizeBytes, [...others, bytes]);
        }
      },
    };
  }
}
