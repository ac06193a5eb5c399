import type { MemoryPort } from "../../src/ports.ts";

/** A pool without limits that counts what is held, and fills memory with NaN as a used pool might. */
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
    return {
      bytes: new Uint8Array(sizeBytes).fill(0xff),
      dispose: () => {
        if (!isLive) throw new Error("a block was disposed twice");
        isLive = false;
        this.liveBytes -= sizeBytes;
        this.liveBlockCount -= 1;
      },
    };
  }
}
