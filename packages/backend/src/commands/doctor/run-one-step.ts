import type { Executor } from "@infernode/inference";

/**
 * Computes one token, alone.
 * @throws Error for logits that are not finite; what the executor throws
 */
export async function runOneStep(executor: Executor): Promise<void> {
  const result = await executor.forward({
    chunkCount: 1,
    slots: Int32Array.of(0),
    startPositions: Int32Array.of(0),
    lengths: Int32Array.of(1),
    logitCounts: Int32Array.of(1),
    tokenIds: Int32Array.of(0),
    blockTables: Int32Array.of(0),
    blockTableStride: 1,
  });
  const notFinite = result.row(0).find((logit) => !Number.isFinite(logit));
  if (notFinite === undefined) return;
  throw new Error(`expected finite logits of a first token, got ${notFinite}`);
}
