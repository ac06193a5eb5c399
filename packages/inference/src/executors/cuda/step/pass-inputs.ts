import type { CudaDevice, CudaStream, PinnedBuffer } from "@infernode/memory/cuda";
import type { RowSampling } from "../../row-sampling.ts";
import type { PassInputName, PassShape } from "../network/program.ts";
import { type InputArrays, passInputBytes } from "./input-arrays.ts";

/** Tokens of one sequence in a pass. */
export interface Piece {
  readonly startPosition: number;
  readonly tokenIds: Int32Array;
  /** Where they come from, as `ForwardBatch.tokenSources` has it. [none] */
  readonly tokenSources?: Int32Array | undefined;
  /** Rows of logits, after the last tokens. */
  readonly logitCount: number;
  /** The pages of the sequence. */
  readonly pages: Int32Array;
  /** The place of the sequence's adapter, or 0. */
  readonly adapter: number;
  /** The row of position 0 in the tables of a rotation by length, or `undefined` for a row of each token of its own. */
  readonly ropeStart: number | undefined;
}

/** Lower ones, of which the reciprocal may be infinite, draw among the likeliest tokens just as it does. */
const leastTemperature = 1e-300;
/** Of a token that is known. */
const noSource = -1;

/** What a pass computes: written to pinned memory, then copied to the arrays of the device at once. */
export class PassInputs {
  readonly #device: InputArrays;
  readonly #pinned: PinnedBuffer;
  readonly #arrays: Readonly<Record<PassInputName, Int32Array>>;
  /** First row of scratch in the tables of a rotation by length. */
  readonly #scratchRow: number;
  #shape: { -readonly [Name in keyof PassShape]: PassShape[Name] } = emptyShape();

  constructor(arrays: InputArrays, device: CudaDevice, scratchRow: number) {
    this.#device = arrays;
    this.#scratchRow = scratchRow;
    this.#pinned = device.createPinnedBuffer(passInputBytes(arrays.capacity));
    this.#arrays = arrays.viewsOf(this.#pinned.bytes);
  }

  /** The pass so far. */
  get shape(): PassShape {
    return this.#shape;
  }

  /** How many tokens of a further piece there is room for. */
  roomTokens(): number {
    const { tokenCount, pieceCount } = this.#shape;
    const { tokens, pieces } = this.#device.capacity;
    return pieceCount === pieces ? 0 : tokens - tokenCount;
  }

  /** Adds tokens of a sequence that there is room for. Returns the index of the first of them. */
  add({ startPosition, tokenIds, tokenSources, logitCount, pages, adapter, ropeStart }: Piece): number {
    const shape = this.#shape;
    const { tokenCount: first, pieceCount: piece } = shape;
    const { length } = tokenIds;
    const arrays = this.#arrays;
    arrays.tokenIds.set(tokenIds, first);
    if (tokenSources === undefined) arrays.tokenSources.fill(noSource, first, first + length);
    else arrays.tokenSources.set(tokenSources, first);
    for (let at = 0; at < length; at += 1) {
      const position = startPosition + at;
      arrays.positions[first + at] = position;
      arrays.sequences[first + at] = piece;
      arrays.ropeRows[first + at] =
        ropeStart === undefined ? this.#scratchRow + first + at : ropeStart + position;
    }
    for (let row = 0; row < logitCount; row += 1) {
      arrays.logitTokens[shape.logitCount + row] = first + length - logitCount + row;
    }
    arrays.pieceTokens[piece] = first;
    arrays.pieceLengths[piece] = length;
    arrays.piecePositions[piece] = startPosition;
    arrays.blockTables.set(pages, piece * this.#device.capacity.tableStride);
    arrays.adapters.fill(adapter, first, first + length);
    shape.tokenCount += length;
    shape.logitCount += logitCount;
    shape.pieceCount += 1;
    shape.isAdapted ||= adapter !== 0;
    shape.longestPieceTokens = Math.max(shape.longestPieceTokens, length);
    shape.longestContextTokens = Math.max(shape.longestContextTokens, startPosition + length);
    return first;
  }

  /** Writes down how the rows of the pass are sampled, which are those of a batch from `firstRow` on. */
  addSampling(sampling: RowSampling, firstRow: number): void {
    const shape = this.#shape;
    const { topKs, samplingParameters } = this.#arrays;
    const { buffer, byteOffset } = samplingParameters;
    const parameters = new Float64Array(buffer, byteOffset, samplingParameters.length / 2);
    for (let row = 0; row < shape.logitCount; row += 1) {
      const from = firstRow + row;
      const temperature = sampling.isSampled[from] === 1 ? sampling.temperatures[from]! : 0;
      const { exponentFloors, topPs, uniforms } = sampling;
      const scale = temperature === 0 ? 0 : Math.max(temperature, leastTemperature);
      parameters.set([scale, exponentFloors[from]!, topPs[from]!, uniforms[from]!], 4 * row);
      topKs[row] = sampling.topKs[from]!;
      shape.isDrawn ||= temperature !== 0;
      if (sampling.isSampled[from] === 1) shape.sampledTokenCount = sampling.tokenCount;
    }
  }

  /** Writes down how large the pass is, after all was added. */
  finish(): void {
    this.#arrays.tokenCount[0] = this.#shape.tokenCount;
    this.#arrays.logitCount[0] = this.#shape.logitCount;
    // A graph of more pieces finds nothing to do for the others.
    this.#arrays.pieceLengths.fill(0, this.#shape.pieceCount);
  }

  /** Queues the copy of the pass to the device. What was added must stay until it has run. */
  send(stream: CudaStream): void {
    this.#device.copyFrom(this.#pinned.bytes, this.#shape.pieceCount, stream);
  }

  /** Begins the next pass. */
  clear(): void {
    this.#shape = emptyShape();
  }

  dispose(): void {
    this.#pinned.dispose();
  }
}

function emptyShape(): PassShape {
  return {
    tokenCount: 0,
    logitCount: 0,
    pieceCount: 0,
    longestPieceTokens: 0,
    isAdapted: false,
    longestContextTokens: 0,
    sampledTokenCount: 0,
    isDrawn: false,
  };
}
