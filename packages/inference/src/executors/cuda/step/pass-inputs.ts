import type { CudaMemoryBlock, CudaMemoryPool, CudaStream, PinnedBuffer } from "@infernode/memory/cuda";
import type { RowSampling } from "../../row-sampling.ts";
import type { PassInputName, PassShape } from "../network/program.ts";

/** How much one pass has room for. */
export interface PassCapacity {
  readonly tokens: number;
  readonly logits: number;
  /** Pieces of sequences. */
  readonly pieces: number;
  /** Pages of one sequence. */
  readonly tableStride: number;
}

/** Tokens of one sequence in a pass. */
export interface Piece {
  readonly startPosition: number;
  readonly tokenIds: Int32Array;
  /** Rows of logits, after the last tokens. */
  readonly logitCount: number;
  /** The pages of the sequence. */
  readonly pages: Int32Array;
  /** The place of the sequence's adapter, or 0. */
  readonly adapter: number;
  /** The row of position 0 in the tables of a rotation by length, or `undefined` for a row of each token of its own. */
  readonly ropeStart: number | undefined;
}

/** Four numbers of 8 bytes for each row, as `sample.cu` describes them. */
const samplingParameterInts = 8;
/** Lower ones, of which the reciprocal may be infinite, draw among the likeliest tokens just as it does. */
const leastTemperature = 1e-300;
const intBytes = Int32Array.BYTES_PER_ELEMENT;
/** Arrays start at multiples of so many numbers. */
const alignment = 16;

/** The order of the arrays: the largest one, of which often only a part is used, is last. */
function arraySizes({
  tokens,
  logits,
  pieces,
  tableStride,
}: PassCapacity): readonly [PassInputName, number][] {
  return [
    ["tokenCount", 1],
    ["logitCount", 1],
    ["tokenIds", tokens],
    ["positions", tokens],
    ["sequences", tokens],
    ["ropeRows", tokens],
    ["adapters", tokens],
    ["logitTokens", logits],
    ["topKs", logits],
    ["samplingParameters", logits * samplingParameterInts],
    ["pieceTokens", pieces],
    ["pieceLengths", pieces],
    ["piecePositions", pieces],
    ["blockTables", pieces * tableStride],
  ];
}

/** Bytes of all arrays. */
export function passInputBytes(capacity: PassCapacity): number {
  const sizes = arraySizes(capacity).map(([, size]) => Math.ceil(size / alignment) * alignment);
  return sizes.reduce((sum, size) => sum + size, 0) * intBytes;
}

/** The arrays that say what a pass computes: filled in pinned memory, then copied to the device at once. */
export class PassInputs {
  readonly capacity: PassCapacity;
  readonly #pool: CudaMemoryPool;
  readonly #pinned: PinnedBuffer;
  readonly #block: CudaMemoryBlock;
  readonly #offsets = new Map<PassInputName, number>();
  readonly #arrays: Readonly<Record<PassInputName, Int32Array>>;
  /** First row of scratch in the tables of a rotation by length. */
  readonly #scratchRow: number;
  #shape: { -readonly [Name in keyof PassShape]: PassShape[Name] } = emptyShape();

  constructor(
    capacity: PassCapacity,
    {
      pool,
      stream,
      model,
    }: { readonly pool: CudaMemoryPool; readonly stream: CudaStream; readonly model: string },
    scratchRow: number,
  ) {
    this.capacity = capacity;
    this.#pool = pool;
    this.#scratchRow = scratchRow;
    const sizeBytes = passInputBytes(capacity);
    const tag = { model, purpose: "workspace", label: "inputs" } as const;
    this.#block = pool.allocate({ sizeBytes, tag, stream });
    try {
      this.#pinned = pool.device.createPinnedBuffer(sizeBytes);
    } catch (error) {
      this.#block.dispose();
      throw error;
    }
    const { buffer, byteOffset } = this.#pinned.bytes;
    let offset = 0;
    const arrays: Partial<Record<PassInputName, Int32Array>> = {};
    for (const [name, size] of arraySizes(capacity)) {
      arrays[name] = new Int32Array(buffer, byteOffset + offset, size);
      this.#offsets.set(name, offset);
      offset += Math.ceil(size / alignment) * alignment * intBytes;
    }
    this.#arrays = arrays as Record<PassInputName, Int32Array>;
  }

  /** The pass so far. */
  get shape(): PassShape {
    return this.#shape;
  }

  addressOf(name: PassInputName): bigint {
    return this.#block.devicePointer + BigInt(this.#offsets.get(name) ?? 0);
  }

  /** How many tokens of a further piece there is room for. */
  roomTokens(): number {
    const { tokenCount, pieceCount } = this.#shape;
    return pieceCount === this.capacity.pieces ? 0 : this.capacity.tokens - tokenCount;
  }

  /** Adds tokens of a sequence that there is room for. Returns the index of the first of them. */
  add({ startPosition, tokenIds, logitCount, pages, adapter, ropeStart }: Piece): number {
    const shape = this.#shape;
    const { tokenCount: first, pieceCount: piece } = shape;
    const { length } = tokenIds;
    const arrays = this.#arrays;
    arrays.tokenIds.set(tokenIds, first);
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
    arrays.blockTables.set(pages, piece * this.capacity.tableStride);
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

  /** Queues the copy of a pass of so many pieces to the device. What was added must stay until it has run. */
  send(pieceCount: number, stream: CudaStream): void {
    const usedBytes = this.#offsets.get("blockTables")! + pieceCount * this.capacity.tableStride * intBytes;
    this.#pool.device.copyToDevice(this.#block, this.#pinned.bytes.subarray(0, usedBytes), { stream });
  }

  /** Begins the next pass. */
  clear(): void {
    this.#shape = emptyShape();
  }

  dispose(): void {
    this.#pinned.dispose();
    this.#block.dispose();
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
