import type { CudaDevice, CudaMemoryBlock, CudaStream, PinnedBuffer } from "@infernode/memory/cuda";
import { InferenceError, nonFiniteLogits } from "../../../errors.ts";
import type { ForwardResult } from "../../executor.ts";
import type { RowSampling } from "../../row-sampling.ts";

const numberBytes = 4;
/** What the kernels write where nothing can be sampled. */
const noToken = -1;

/** Where a pass leaves its rows, and how many of a batch there is room for. */
export interface HostRowsPlace {
  readonly device: CudaDevice;
  readonly stream: CudaStream;
  readonly arena: CudaMemoryBlock;
  /** In the arena. */
  readonly offsets: { readonly logits: number; readonly tokens: number; readonly status: number };
  readonly maxRows: number;
  readonly vocabSize: number;
}

/** Bytes of pinned memory: the logits of each row, its token, and two counts of what is wrong with it. */
export function hostRowsBytes({ maxRows, vocabSize }: Pick<HostRowsPlace, "maxRows" | "vocabSize">): number {
  return maxRows * (vocabSize + 3) * numberBytes;
}

/** The rows of a batch on the host: of the sampled ones the tokens, of the others the logits. */
export class HostRows {
  readonly #place: HostRowsPlace;
  readonly #pinned: PinnedBuffer;
  readonly #logits: readonly Float32Array[];
  readonly #tokens: Int32Array;
  /** `(rows, 2)` only of rows without a token. */
  readonly #status: Int32Array;
  /** Copied: the caller reuses the arrays of a batch. */
  readonly #isSampled: Uint8Array;
  #rowCount = 0;

  constructor(place: HostRowsPlace) {
    const { device, maxRows, vocabSize } = place;
    this.#place = place;
    this.#isSampled = new Uint8Array(maxRows);
    this.#pinned = device.createPinnedBuffer(hostRowsBytes(place));
    const { buffer, byteOffset } = this.#pinned.bytes;
    const offsetOf = (index: number): number => byteOffset + index * numberBytes;
    this.#logits = Array.from(
      { length: maxRows },
      (_, row) => new Float32Array(buffer, offsetOf(row * vocabSize), vocabSize),
    );
    this.#tokens = new Int32Array(buffer, offsetOf(maxRows * vocabSize), maxRows);
    this.#status = new Int32Array(buffer, offsetOf(maxRows * (vocabSize + 1)), 2 * maxRows);
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
  }

  /** Queues the copy of the tokens of a pass, to rows from `firstRow` on. */
  queueTokens(firstRow: number, rowCount: number): void {
    this.#queueCopy(this.#tokens.subarray(firstRow, firstRow + rowCount), this.#place.offsets.tokens);
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

  /** Ends a pass that has run. Finds out why rows have no token. */
  async finishPass(rowCount: number): Promise<void> {
    const { stream, offsets } = this.#place;
    const start = this.#rowCount;
    this.#rowCount += rowCount;
    let row = start;
    while (row < this.#rowCount && !(this.#isSampled[row] === 1 && this.#tokens[row] === noToken)) row += 1;
    if (row === this.#rowCount) return;
    this.#queueCopy(this.#status.subarray(2 * start, 2 * this.#rowCount), offsets.status);
    await stream.synchronize();
  }

  /** Until the next batch. */
  result(): ForwardResult {
    return {
      rowCount: this.#rowCount,
      row: (index) => this.#logits[this.#assertRow(index, 0)]!,
      tokenId: (index) => this.#tokenAt(this.#assertRow(index, 1)),
    };
  }

  dispose(): void {
    this.#pinned.dispose();
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
    throw nonFiniteLogits({ logitCount: this.#place.vocabSize, nanCount, infiniteCount });
  }

  #queueCopy(into: Float32Array | Int32Array, offsetBytes: number): void {
    const { device, arena, stream } = this.#place;
    const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
    device.copyToHost(bytes, arena, { stream, offsetBytes });
  }
}
