import type { CudaDevice, CudaStream, PinnedBuffer } from "@infernode/memory/cuda";
import { noLogprobs, type RowSampling } from "../../row-sampling.ts";
import type { PassInputName, PassShape } from "../network/program.ts";
import { type EditArrays, EditInputs } from "./edit-arrays.ts";
import { type InputArrays, passInputBytes } from "./input-arrays.ts";

/** Tokens of one sequence in a pass: parts of arrays, so that none is made for each piece. */
export interface Piece {
  readonly startPosition: number;
  readonly tokenIds: Int32Array;
  /** Where they come from, as `ForwardBatch.tokenSources` has it. [none] */
  readonly tokenSources?: Int32Array | undefined;
  /** Of the first token in the two arrays. */
  readonly firstToken: number;
  readonly tokenCount: number;
  /** Rows of logits, after the last tokens. */
  readonly logitCount: number;
  /** Has the pages of the sequence. */
  readonly pages: Int32Array;
  readonly firstPage: number;
  readonly pageCount: number;
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
  readonly #edits: EditInputs;
  readonly #pinned: PinnedBuffer;
  readonly #arrays: Readonly<Record<PassInputName, Int32Array>>;
  /** `(logits, 4)`, the same memory as the array of integers. */
  readonly #samplingParameters: Float64Array;
  /** First row of scratch in the tables of a rotation by length. */
  readonly #scratchRow: number;
  #shape: { -readonly [Name in keyof PassShape]: PassShape[Name] } = emptyShape();

  constructor(
    { inputs: arrays, edits }: { readonly inputs: InputArrays; readonly edits: EditArrays },
    device: CudaDevice,
    scratchRow: number,
  ) {
    this.#device = arrays;
    this.#scratchRow = scratchRow;
    this.#edits = new EditInputs(edits, device);
    this.#pinned = device.createPinnedBuffer(passInputBytes(arrays.capacity));
    this.#arrays = arrays.viewsOf(this.#pinned.bytes);
    const { buffer, byteOffset, length } = this.#arrays.samplingParameters;
    this.#samplingParameters = new Float64Array(buffer, byteOffset, length / 2);
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
  add(piece: Piece): number {
    const shape = this.#shape;
    const { tokenCount: first, pieceCount: index } = shape;
    const { startPosition, tokenCount, logitCount } = piece;
    const arrays = this.#arrays;
    this.#addTokens(piece, first, index);
    for (let row = 0; row < logitCount; row += 1) {
      arrays.logitTokens[shape.logitCount + row] = first + tokenCount - logitCount + row;
    }
    arrays.pieceTokens[index] = first;
    arrays.pieceLengths[index] = tokenCount;
    arrays.piecePositions[index] = startPosition;
    const { pages, firstPage, pageCount } = piece;
    const row = index * this.#device.capacity.tableStride;
    arrays.blockTables.set(pages.subarray(firstPage, firstPage + pageCount), row);
    shape.tokenCount += tokenCount;
    shape.logitCount += logitCount;
    shape.pieceCount += 1;
    shape.isAdapted ||= piece.adapter !== 0;
    shape.longestPieceTokens = Math.max(shape.longestPieceTokens, tokenCount);
    shape.longestContextTokens = Math.max(shape.longestContextTokens, startPosition + tokenCount);
    return first;
  }

  /** Writes down how the rows of the pass are sampled, which are those of a batch from `firstRow` on. */
  addSampling(sampling: RowSampling, firstRow: number): void {
    const shape = this.#shape;
    const { topKs, topCounts } = this.#arrays;
    const parameters = this.#samplingParameters;
    const { exponentFloors, topPs, uniforms } = sampling;
    for (let row = 0; row < shape.logitCount; row += 1) {
      const from = firstRow + row;
      const temperature = sampling.isSampled[from] === 1 ? sampling.temperatures[from]! : 0;
      const at = 4 * row;
      parameters[at] = temperature === 0 ? 0 : Math.max(temperature, leastTemperature);
      parameters[at + 1] = exponentFloors[from]!;
      parameters[at + 2] = topPs[from]!;
      parameters[at + 3] = uniforms[from]!;
      topKs[row] = sampling.topKs[from]!;
      topCounts[row] =
        sampling.isSampled[from] === 1 ? (sampling.topCounts?.[from] ?? noLogprobs) : noLogprobs;
      shape.isDrawn ||= temperature !== 0;
      shape.isRanked ||= topCounts[row] !== noLogprobs;
      if (sampling.isSampled[from] === 1) shape.sampledTokenCount = sampling.tokenCount;
    }
    shape.isEdited = this.#edits.write(sampling, { firstRow, rowCount: shape.logitCount });
    // One kernel for both kinds of rows, so that there are fewer graphs.
    shape.isDrawn ||= shape.isEdited || shape.isRanked;
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
    if (this.#shape.isEdited) this.#edits.send(stream);
  }

  /** Begins the next pass. */
  clear(): void {
    this.#shape = emptyShape();
  }

  #addTokens(piece: Piece, first: number, index: number): void {
    const { startPosition, tokenIds, tokenSources, firstToken, tokenCount, adapter, ropeStart } = piece;
    const arrays = this.#arrays;
    for (let at = 0; at < tokenCount; at += 1) {
      const to = first + at;
      const position = startPosition + at;
      arrays.tokenIds[to] = tokenIds[firstToken + at]!;
      arrays.tokenSources[to] = tokenSources === undefined ? noSource : tokenSources[firstToken + at]!;
      arrays.positions[to] = position;
      arrays.sequences[to] = index;
      arrays.ropeRows[to] = ropeStart === undefined ? this.#scratchRow + to : ropeStart + position;
      arrays.adapters[to] = adapter;
    }
  }

  dispose(): void {
    this.#edits.dispose();
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
    isEdited: false,
    isRanked: false,
  };
}
