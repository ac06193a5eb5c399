import { invalidBatch } from "./assert-chunks.ts";
import type { ForwardBatch } from "./executor.ts";

/** Follows the forwards of an executor: which of them run, and which rows the last one samples. */
export class ForwardOrder {
  readonly #canRunAhead: boolean;
  #runningCount = 0;
  /** `(rows)` of the last forward: 1 for a row that is sampled. */
  #sampledRows = new Uint8Array(0);

  constructor(options: { readonly canRunAhead: boolean }) {
    this.#canRunAhead = options.canRunAhead;
  }

  /**
   * Checks that a batch, which `assertChunks` and `assertRowSampling` accept, may begin now.
   * @throws InferenceError `INVALID_BATCH`
   */
  assertNext(batch: ForwardBatch): void {
    const isAllSampled = this.#sampledRows.every((isSampled) => isSampled === 1);
    if (this.#runningCount > (this.#canRunAhead && isAllSampled ? 1 : 0)) {
      const expected = this.#canRunAhead
        ? "one call at a time, and one ahead of a call whose rows are all sampled"
        : "one call at a time";
      throw invalidBatch("forward", expected, "one during a forward");
    }
    this.#assertSources(batch);
  }

  /** Records that a forward begins; the result records that it has ended. */
  begin(batch: ForwardBatch): () => void {
    this.#runningCount += 1;
    this.#sampledRows = sampledRowsOf(batch);
    return () => {
      this.#runningCount -= 1;
    };
  }

  #assertSources({ chunkCount, lengths, tokenSources }: ForwardBatch): void {
    if (tokenSources === undefined) return;
    const tokenCount = sumOf(lengths, chunkCount);
    if (!this.#canRunAhead) throw invalidBatch("tokenSources", "none for this executor", "some");
    if (tokenSources.length < tokenCount) {
      throw invalidBatch("tokenSources", `the ${tokenCount} tokens of all chunks`, tokenSources.length);
    }
    for (let index = 0; index < tokenCount; index += 1) {
      const row = tokenSources[index]!;
      if (row === -1 || this.#sampledRows[row] === 1) continue;
      throw invalidBatch(`tokenSources[${index}]`, "−1, or a row that the last forward samples", row);
    }
  }
}

function sampledRowsOf({ chunkCount, logitCounts, sampling }: ForwardBatch): Uint8Array<ArrayBuffer> {
  const rowCount = sumOf(logitCounts, chunkCount);
  return sampling === undefined ? new Uint8Array(rowCount) : sampling.isSampled.slice(0, rowCount);
}

function sumOf(numbers: Int32Array, count: number): number {
  let sum = 0;
  for (let at = 0; at < count; at += 1) sum += numbers[at]!;
  return sum;
}
