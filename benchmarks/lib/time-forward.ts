import type { Executor } from "@infernode/inference";

/** A step in which every sequence computes as many tokens. */
export interface TimedStep {
  readonly sequenceCount: number;
  /** Tokens that each sequence has in its cache. */
  readonly start: number;
  readonly lengthTokens: number;
  /** The adapter of a sequence, by its number in the batch. [none] */
  readonly adapterOf?: (sequence: number) => number;
}

/** Milliseconds of one forward of arbitrary tokens. */
export async function timeForward(executor: Executor, step: TimedStep): Promise<number> {
  const { sequenceCount, start, lengthTokens, adapterOf } = step;
  const batch = {
    chunkCount: sequenceCount,
    slots: Int32Array.from({ length: sequenceCount }, (_, slot) => slot),
    startPositions: new Int32Array(sequenceCount).fill(start),
    lengths: new Int32Array(sequenceCount).fill(lengthTokens),
    logitCounts: new Int32Array(sequenceCount).fill(1),
    ...(adapterOf && {
      adapters: Int32Array.from({ length: sequenceCount }, (_, sequence) => adapterOf(sequence)),
    }),
    tokenIds: Int32Array.from(
      { length: sequenceCount * lengthTokens },
      (_, index) => (index * 7919) % executor.vocabSize,
    ),
  };
  const startedAt = performance.now();
  await executor.forward(batch);
  return performance.now() - startedAt;
}
