import { formatHolders, type MemoryHolder } from "../errors.ts";
import type { MemoryEventSink } from "../events.ts";
import { formatBytes } from "../format-bytes.ts";

/** Tells who still held memory when a pool was disposed: to the sink, or else as a process warning. */
export function reportLeaks(
  deviceId: string,
  holders: readonly MemoryHolder[],
  sink: MemoryEventSink | undefined,
): void {
  const totalBytes = holders.reduce((total, holder) => total + holder.sizeBytes, 0);
  const blockCount = holders.reduce((total, holder) => total + holder.blockCount, 0);
  if (sink !== undefined) {
    sink.emit("memory:leaks-found", { deviceId, totalBytes, blockCount, holders });
    return;
  }
  process.emitWarning(
    `the pool on ${deviceId} was disposed with ${formatBytes(totalBytes)} in ${blockCount} live ` +
      `blocks: ${formatHolders(holders)}`,
    { type: "MemoryLeakWarning", code: "INFERNODE_MEMORY_LEAK" },
  );
}
