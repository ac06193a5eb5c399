import type { SchedulableSequence, StepBatch } from "./step-batch.ts";

interface RunningChunk {
  readonly length: number;
  /** The row of the batch after the last token of the chunk, or `undefined`. */
  readonly row: number | undefined;
}

/** What a running batch computes of each sequence, for the batch that is scheduled behind it. */
export class RunningChunks<S extends SchedulableSequence> {
  readonly #chunks = new Map<S, RunningChunk>();

  /** Reads a running batch; `undefined` where none runs. */
  read(running: StepBatch<S> | undefined): void {
    this.#chunks.clear();
    if (running === undefined) return;
    let rowCount = 0;
    for (const [at, sequence] of running.sequences.entries()) {
      const logitCount = running.logitCounts[at]!;
      rowCount += logitCount;
      const row = logitCount > 0 ? rowCount - 1 : undefined;
      this.#chunks.set(sequence, { length: running.lengths[at]!, row });
    }
  }

  /** Where a sequence goes on when the running batch was computed. */
  endOf(sequence: S): number {
    return sequence.cached!.tokenCount + (this.#chunks.get(sequence)?.length ?? 0);
  }

  /** The row of the running batch that gives a sequence its next token; `undefined` where none does. */
  rowOf(sequence: S): number | undefined {
    return this.#chunks.get(sequence)?.row;
  }
}
