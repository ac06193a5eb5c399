import { formatUsage, type TagUsage } from "../errors.ts";
import type { MemoryEventSink } from "../events.ts";
import { formatBytes } from "../format-bytes.ts";

/** Tells who still held memory when a pool was disposed: to the sink, or else as a process warning. */
export function reportLeaks(
  deviceId: string,
  usageByTag: readonly TagUsage[],
  sink: MemoryEventSink | undefined,
): void {
  const totalBytes = usageByTag.reduce((total, holder) => total + holder.sizeBytes, 0);
  const blockCount = usageByTag.reduce((total, holder) => total + holder.blockCount, 0);
  if (sink !== undefined) {
    sink.emit("memory:leaks-found", { deviceId, totalBytes, blockCount, usageByTag });
    return;
  }
  process.emitWarning(
    `the pool on ${deviceId} was disposed with ${formatBytes(totalBytes)} in ${blockCount} live ` +
      `blocks: ${formatUsage(usageByTag)}`,
    { type: "MemoryLeakWarning", code: "INFERNODE_MEMORY_LEAK" },
  );
}
