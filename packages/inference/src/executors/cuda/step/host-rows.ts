import type { CudaDevice, CudaMemoryBlock, CudaStream, PinnedBuffer } from "@infernode/memory/cuda";
import { InferenceError, nonFiniteLogits } from "../../../errors.ts";
import type { ForwardResult, RowLogprobs } from "../../executor.ts";
import { isRowEdited } from "../../row-edits.ts";
import { noLogprobs, type RowSampling } from "../../row-sampling.ts";
import { rankedInts } from "../network/sample-variants.ts";
import { rankedRow } from "./ranked-row.ts";

const numberBytes = 4;
/** What the kernels write where nothing can be sampled. */
const noToken = -1;

/** Batches whose tokens are kept at once: the last one, and one that runs ahead of it. */
const keptBatches = 2;

/** Where a pass leaves its rows, and how many of a batch there is room for. */
export interface HostRowsPlace {
  readonly device: CudaDevice;
  readonly stream: CudaStream;
  readonly arena: CudaMemoryBlock;
  /** In the arena. */
  readonly offsets: {
    readonly logits: number;
    readonly tokens: number;
    readonly status: number;
    readonly ranked: number;
  };
  readonly maxRows: number;
  readonly vocabSize: number;
}

type RowSizes = Pick<HostRowsPlace, "maxRows" | "vocabSize">;

/** Of a row and a batch: its token, two counts of what is wrong with it, and what log-probabilities are made of. */
const keptInts = 3 + rankedInts;

/** Bytes of pinned memory: the logits of each row, and its integers in each batch. */
export function hostRowsBytes({ maxRows, vocabSize }: RowSizes): number {
  return maxRows * (vocabSize + keptBatches * keptInts) * numberBytes;
}

/** Pinned memory for rows. A batch that runs ahead is behind one without logits: there is one place for those. */
export class HostRowsMemory {
  readonly logits: readonly Float32Array[];
  readonly #pinned: PinnedBuffer;
  readonly #sizes: RowSizes;

  constructor(device: CudaDevice, sizes: RowSizes) {
    const { maxRows, vocabSize } = sizes;
    this.#sizes = sizes;
    this.#pinned = device.createPinnedBuffer(hostRowsBytes(sizes));
    const { buffer, byteOffset } = this.#pinned.bytes;
    this.logits = Array.from(
      { length: maxRows },
      (_, row) =>
        new Float32Array(
          buffer,
          byteOffset + (maxRows * keptBatches * keptInts + row * vocabSize) * numberBytes,
          vocabSize,
        ),
    );
  }

  /** `(rows)` tokens, `(rows, 2)` counts, and `(rows, rankedInts)`, of one of two batches. */
  integersOf(batch: 0 | 1): {
    readonly tokens: Int32Array;
    readonly status: Int32Array;
    readonly ranked: Int32Array;
  } {
    const { maxRows } = this.#sizes;
    const { buffer, byteOffset } = this.#pinned.bytes;
    const start = byteOffset + maxRows * batch * keptInts * numberBytes;
    const integers = new Int32Array(buffer, start, keptInts * maxRows);
    return {
      tokens: integers.subarray(0, maxRows),
      status: integers.subarray(maxRows, 3 * maxRows),
      ranked: integers.subarray(3 * maxRows),
    };
  }

  dispose(): void {
    this.#pinned.dispose();
  }
}

/** The rows of a batch on the host: of the sampled ones the tokens, of the others the logits. */
export class HostRows {
  readonly #place: HostRowsPlace;
  readonly #logits: readonly Float32Array[];
  readonly #tokens: Int32Array;
  /** `(rows, 2)` of the rows of passes that sample. */
  readonly #status: Int32Array;
  /** `(rows, rankedInts)` of the rows of passes with log-probabilities. */
  readonly #ranked: Int32Array;
  /** Copied: the caller reuses the arrays of a batch. */
  readonly #isSampled: Uint8Array;
  readonly #topCounts: Int32Array;
  /** How many logits each row is said to have had where none could be sampled. */
  readonly #logitCounts: Int32Array;
  #rowCount = 0;

  constructor(place: HostRowsPlace, memory: HostRowsMemory, batch: 0 | 1) {
    this.#place = place;
    this.#isSampled = new Uint8Array(place.maxRows);
    this.#topCounts = new Int32Array(place.maxRows);
    this.#logitCounts = new Int32Array(place.maxRows);
    this.#logits = memory.logits;
    const { tokens, status, ranked } = memory.integersOf(batch);
    this.#tokens = tokens;
    this.#status = status;
    this.#ranked = ranked;
  }

  /** Rows of the passes that ran. */
  get rowCount(): number {
    return this.#rowCount;
  }

  /** Begins a batch. */
  begin(sampling: RowSampling | undefined): void {
    this.#rowCount = 0;
    this.#isSampled.fill(0);
    this.#isSampled.set(sampling?.isSampled.subarray(0, this.#place.maxRows) ?? []);
    this.#topCounts.fill(noLogprobs);
    this.#topCounts.set(sampling?.topCounts?.subarray(0, this.#place.maxRows) ?? []);
    this.#logitCounts.fill(this.#place.vocabSize);
    const edits = sampling?.edits;
    if (edits === undefined) return;
    const rowCount = Math.min(this.#place.maxRows, edits.maskIndices.length);
    for (let row = 0; row < rowCount; row += 1) {
      // Of those that edits leave no token of, only ids of tokens were looked at, as on the host.
      if (isRowEdited(edits, row)) this.#logitCounts[row] = sampling!.tokenCount;
    }
  }

  /** Queues the copy of what a pass samples: the next pass overwrites it. */
  queueTokens(rowCount: number): void {
    const [start, end] = [this.#rowCount, this.#rowCount + rowCount];
    const { tokens, status } = this.#place.offsets;
    this.#queueCopy(this.#tokens.subarray(start, end), tokens);
    this.#queueCopy(this.#status.subarray(2 * start, 2 * end), status);
  }

  /** Queues the copy of what log-probabilities of a pass are made of. */
  queueRanked(rowCount: number): void {
    const start = this.#rowCount * rankedInts;
    const rows = this.#ranked.subarray(start, start + rowCount * rankedInts);
    this.#queueCopy(rows, this.#place.offsets.ranked);
  }

  /** Queues copies of the logits of a pass that are wanted, of neighbours at once. */
  queueLogits(rowCount: number): void {
    const { offsets, vocabSize } = this.#place;
    for (let start = 0; start < rowCount;) {
      let end = start;
      while (end < rowCount && this.#isSampled[this.#rowCount + end] === 0) end += 1;
      if (end > start) {
        const { buffer, byteOffset } = this.#logits[this.#rowCount + start]!;
        const rows = new Float32Array(buffer, byteOffset, (end - start) * vocabSize);
        this.#queueCopy(rows, offsets.logits + start * vocabSize * numberBytes);
      }
      start = end + 1;
    }
  }

  /** Ends a pass whose copies are queued. */
  endPass(rowCount: number): void {
    this.#rowCount += rowCount;
  }

  /** The token of a sampled row as the next batch is fed it: 0 where nothing could be sampled. */
  fedTokenId(row: number): number {
    return Math.max(0, this.#tokens[row]!);
  }

  /** Until the next batch but one begins. */
  result(): ForwardResult {
    return {
      rowCount: this.#rowCount,
      row: (index) => this.#logits[this.#assertRow(index, 0)]!,
      tokenId: (index) => this.#tokenAt(this.#assertRow(index, 1)),
      logprobs: (index) => this.#logprobsAt(this.#assertRow(index, 1)),
    };
  }

  #assertRow(index: number, isSampled: 0 | 1): number {
    if (index < this.#rowCount && this.#isSampled[index] === isSampled) return index;
    const expected = `one of ${this.#rowCount} rows${isSampled === 1 ? " that is sampled" : ", not sampled"}`;
    throw new InferenceError("INVALID_BATCH", { field: "index", expected, got: index });
  }

  #tokenAt(row: number): number {
    const tokenId = this.#tokens[row]!;
    if (tokenId !== noToken) return tokenId;
    const [nanCount = 0, infiniteCount = 0] = this.#status.subarray(2 * row);
    const isRaw = nanCount > 0 || infiniteCount > 0;
    const logitCount = isRaw ? this.#place.vocabSize : this.#logitCounts[row]!;
    throw nonFiniteLogits({ logitCount, nanCount, infiniteCount });
  }

  #logprobsAt(row: number): RowLogprobs {
    const topCount = this.#topCounts[row]!;
    if (topCount === noLogprobs) {
      const expected = "a row that log-probabilities are wanted of";
      throw new InferenceError("INVALID_BATCH", { field: "index", expected, got: row });
    }
    return rankedRow(
      this.#ranked.subarray(row * rankedInts, (row + 1) * rankedInts),
      Math.min(topCount, this.#place.vocabSize),
    );
  }

  #queueCopy(into: Float32Array | Int32Array, offsetBytes: number): void {
    const { device, arena, stream } = this.#place;
    const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
    device.copyToHost(bytes, arena, { stream, offsetBytes });
  }
}
