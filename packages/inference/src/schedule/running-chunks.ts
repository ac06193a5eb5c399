import type { SchedulableSequence, StepBatch } from "./step-batch.ts";

/**
 * What a running batch computes of each sequence, for the batch that is scheduled behind it. Where a sequence is in the
 * batch is written down in the sequence: a map would be made anew at each step.
 */
export class RunningChunks<S extends SchedulableSequence> {
  #running: StepBatch<S> | undefined;
  /** `(chunks)` the row after the last token of a chunk. */
  #rows = new Int32Array(0);

  /** Reads a running batch; `undefined` where none runs. */
  read(running: StepBatch<S> | undefined): void {
    this.#running = running;
    if (running === undefined) return;
    const { sequences, logitCounts } = running;
    if (this.#rows.length < sequences.length) this.#rows = new Int32Array(logitCounts.length);
    let rowCount = 0;
    for (let at = 0; at < sequences.length; at += 1) {
      rowCount += logitCounts[at]!;
      this.#rows[at] = rowCount - 1;
      const { cached } = sequences[at]!;
      if (cached !== undefined) cached.runningChunk = at;
    }
  }

  /** Where a sequence goes on when the running batch was computed. */
  endOf(sequence: S): number {
    const at = this.#chunkOf(sequence);
    return sequence.cached!.tokenCount + (at === undefined ? 0 : this.#running!.lengths[at]!);
  }

  /** The row of the running batch that gives a sequence its next token; `undefined` where none does. */
  rowOf(sequence: S): number | undefined {
    const at = this.#chunkOf(sequence);
    return at === undefined || this.#running!.logitCounts[at] === 0 ? undefined : this.#rows[at];
  }

  /** What was written down at an earlier batch is of another sequence now, or is read again. */
  #chunkOf(sequence: S): number | undefined {
    const at = sequence.cached!.runningChunk;
    return this.#running?.sequences[at] === sequence ? at : undefined;
  }
}
