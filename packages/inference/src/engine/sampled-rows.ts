import type { RowSampling } from "../executors/row-sampling.ts";
import type { ActiveRequest } from "../requests/active-request.ts";
import type { GeneratedSequence } from "../requests/generated-sequence.ts";
import { exponentFloorOf } from "../sampling/exponent-floor.ts";
import type { StepBatch } from "../schedule/step-batch.ts";

/** Decides at each step which rows of logits an executor samples, and draws the random numbers for them. */
export class SampledRows implements RowSampling {
  readonly isSampled: Uint8Array;
  readonly temperatures: Float64Array;
  readonly exponentFloors: Float64Array;
  readonly topKs: Int32Array;
  readonly topPs: Float64Array;
  readonly uniforms: Float64Array;
  readonly tokenCount: number;
  #areAllSampled = false;
  readonly #ownerOf: (sequence: GeneratedSequence) => ActiveRequest | undefined;

  constructor(options: {
    readonly maxRows: number;
    readonly tokenCount: number;
    readonly ownerOf: (sequence: GeneratedSequence) => ActiveRequest | undefined;
  }) {
    const { maxRows } = options;
    this.isSampled = new Uint8Array(maxRows);
    this.temperatures = new Float64Array(maxRows);
    this.exponentFloors = new Float64Array(maxRows);
    this.topKs = new Int32Array(maxRows);
    this.topPs = new Float64Array(maxRows);
    this.uniforms = new Float64Array(maxRows);
    this.tokenCount = options.tokenCount;
    this.#ownerOf = options.ownerOf;
  }

  /** Whether the host needs no logits of the batch that was described last. */
  get areAllSampled(): boolean {
    return this.#areAllSampled;
  }

  /** Describes the rows of a batch; `undefined` where all logits are wanted. Uses up a random number for each draw. */
  describe(batch: StepBatch<GeneratedSequence>): RowSampling | undefined {
    let rowCount = 0;
    let sampledCount = 0;
    for (const [at, sequence] of batch.sequences.entries()) {
      const logitCount = batch.logitCounts[at]!;
      if (logitCount === 0) continue;
      this.isSampled.fill(0, rowCount, rowCount + logitCount);
      rowCount += logitCount;
      if (!this.#isSampledAfter(sequence, batch, at)) continue;
      this.#describeRow(rowCount - 1, sequence);
      sampledCount += 1;
    }
    this.#areAllSampled = sampledCount === rowCount;
    return sampledCount > 0 ? this : undefined;
  }

  /** Whether only the token is wanted that follows a chunk. */
  #isSampledAfter(sequence: GeneratedSequence, batch: StepBatch<GeneratedSequence>, at: number): boolean {
    const request = this.#ownerOf(sequence);
    const length = batch.lengths[at]!;
    const { pendingTokenIds, promptTokenIds, maxTokens, sampling } = sequence;
    const isLast = pendingTokenIds.length === 0 || pendingTokenIds.length === length;
    const isGenerated = batch.startPositions[at]! + length >= promptTokenIds.length && maxTokens > 0;
    return isLast && isGenerated && sampling.isPlain && request?.logprobs === undefined;
  }

  #describeRow(row: number, { sampling }: GeneratedSequence): void {
    const { temperature, minP, topK, topP } = sampling.params;
    this.isSampled[row] = 1;
    this.temperatures[row] = temperature;
    this.exponentFloors[row] = exponentFloorOf(minP);
    this.topKs[row] = topK;
    this.topPs[row] = topP;
    this.uniforms[row] = temperature === 0 ? 0 : sampling.random.nextUniform();
  }
}
