import { noLogprobs, type RowSampling } from "../executors/row-sampling.ts";
import type { RowEditCapacity, RowEdits } from "../executors/row-edits.ts";
import type { ClockPort } from "../ports.ts";
import type { ActiveRequest } from "../requests/active-request.ts";
import type { GeneratedSequence } from "../requests/generated-sequence.ts";
import { EditedRows } from "./edited-rows.ts";
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
  /** Where the executor ranks. */
  readonly topCounts: Int32Array | undefined;
  readonly #maxTopCount: number;
  readonly #editedRows: EditedRows | undefined;
  #areAllPlain = false;
  readonly #ownerOf: (sequence: GeneratedSequence) => ActiveRequest | undefined;

  constructor(options: {
    readonly maxRows: number;
    readonly tokenCount: number;
    /** What the executor has room for. */
    readonly edits:
      | { readonly vocabSize: number; readonly capacity: RowEditCapacity; readonly clock: ClockPort }
      | undefined;
    /** [the executor gives no log-probabilities] */
    readonly maxTopCount?: number | undefined;
    readonly ownerOf: (sequence: GeneratedSequence) => ActiveRequest | undefined;
  }) {
    const { maxRows, edits, maxTopCount } = options;
    this.isSampled = new Uint8Array(maxRows);
    this.temperatures = new Float64Array(maxRows);
    this.exponentFloors = new Float64Array(maxRows);
    this.topKs = new Int32Array(maxRows);
    this.topPs = new Float64Array(maxRows);
    this.uniforms = new Float64Array(maxRows);
    this.tokenCount = options.tokenCount;
    this.#editedRows = edits && new EditedRows({ maxRows, tokenCount: options.tokenCount, ...edits });
    this.topCounts = maxTopCount === undefined ? undefined : new Int32Array(maxRows);
    this.#maxTopCount = maxTopCount ?? noLogprobs;
    this.#ownerOf = options.ownerOf;
  }

  /** What is changed of rows of the batch that was described last. */
  get edits(): RowEdits | undefined {
    return this.#editedRows?.isEmpty === false ? this.#editedRows : undefined;
  }

  /** Whether the executor samples all rows of the batch that was described last as they are, so that the next is known. */
  get areAllPlain(): boolean {
    return this.#areAllPlain;
  }

  /** Describes the rows of a batch; `undefined` where all logits are wanted. Uses up a random number for each draw. */
  describe(batch: StepBatch<GeneratedSequence>): RowSampling | undefined {
    let rowCount = 0;
    let sampledCount = 0;
    let plainCount = 0;
    this.#editedRows?.clear();
    for (let at = 0; at < batch.chunkCount; at += 1) {
      const sequence = batch.sequences[at]!;
      const logitCount = batch.logitCounts[at]!;
      if (logitCount === 0) continue;
      for (const end = rowCount + logitCount; rowCount < end; rowCount += 1) {
        this.isSampled[rowCount] = 0;
        if (this.topCounts !== undefined) this.topCounts[rowCount] = noLogprobs;
      }
      if (!this.#isTokenWantedAfter(sequence, batch, at)) continue;
      const topCount = this.#ownerOf(sequence)?.logprobs ?? noLogprobs;
      if (topCount > this.#maxTopCount) continue;
      const { isPlain, forcedTokenId } = sequence.sampling;
      const proposalCount = batch.proposalCounts[at]!;
      // What is changed of the rows behind proposals depends on what becomes of those.
      if (!isPlain && proposalCount > 0) continue;
      // Log-probabilities are those of the token that is sampled, not of one that is forced.
      if (forcedTokenId !== undefined && topCount !== noLogprobs) continue;
      if (!isPlain && !this.#edit(rowCount - 1, sequence)) continue;
      const firstRow = rowCount - 1 - proposalCount;
      for (let row = firstRow; row < rowCount; row += 1) {
        this.#describeRow(row, sequence);
        if (this.topCounts !== undefined) this.topCounts[row] = topCount;
      }
      this.#drawUniforms(firstRow, rowCount, sequence);
      sampledCount += rowCount - firstRow;
      if (isPlain) plainCount += rowCount - firstRow;
    }
    this.#areAllPlain = plainCount === rowCount && batch.proposalCount === 0;
    return sampledCount > 0 ? this : undefined;
  }

  /** Whether only tokens are wanted that follow a chunk, or its proposals. */
  #isTokenWantedAfter(sequence: GeneratedSequence, batch: StepBatch<GeneratedSequence>, at: number): boolean {
    const length = batch.lengths[at]! - batch.proposalCounts[at]!;
    const { pendingTokenIds, promptTokenIds, maxTokens } = sequence;
    const isLast = pendingTokenIds.length === 0 || pendingTokenIds.length === length;
    const isGenerated = batch.startPositions[at]! + length >= promptTokenIds.length && maxTokens > 0;
    return isLast && isGenerated;
  }

  /** Describes what is changed of a row; returns `false` where the host is to do it. */
  #edit(row: number, { sampling }: GeneratedSequence): boolean {
    if (this.#editedRows === undefined) return false;
    // Its logits are looked at only for what should not be there.
    return sampling.forcedTokenId !== undefined || this.#editedRows.add(row, sampling);
  }

  #describeRow(row: number, { sampling }: GeneratedSequence): void {
    const { minP, topK, topP } = sampling.params;
    const temperature = sampling.forcedTokenId === undefined ? sampling.params.temperature : 0;
    this.isSampled[row] = 1;
    this.temperatures[row] = temperature;
    this.exponentFloors[row] = exponentFloorOf(minP);
    this.topKs[row] = topK;
    this.topPs[row] = topP;
    this.uniforms[row] = 0;
  }

  /** How many random numbers are used up behind proposals is known when those are confirmed. */
  #drawUniforms(firstRow: number, end: number, { sampling }: GeneratedSequence): void {
    if (this.temperatures[firstRow] === 0) return;
    if (end - firstRow === 1) this.uniforms[firstRow] = sampling.random.nextUniform();
    else sampling.random.peekUniforms(this.uniforms.subarray(firstRow, end));
  }
}
