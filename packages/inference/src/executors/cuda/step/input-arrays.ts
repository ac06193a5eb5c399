import type { CudaMemoryBlock, CudaMemoryPool, CudaStream } from "@infernode/memory/cuda";
import type { PassInputName } from "../network/program.ts";

/** How much one pass has room for. */
export interface PassCapacity {
  readonly tokens: number;
  readonly logits: number;
  /** Pieces of sequences. */
  readonly pieces: number;
  /** Pages of one sequence. */
  readonly tableStride: number;
}

/** Four numbers of 8 bytes for each row, as `sample.cu` describes them. */
const samplingParameterInts = 8;
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
    ["tokenSources", tokens],
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

/** The arrays that say what a pass computes, on the device. */
export class InputArrays {
  readonly capacity: PassCapacity;
  readonly #pool: CudaMemoryPool;
  readonly #block: CudaMemoryBlock;
  readonly #offsets = new Map<PassInputName, number>();

  constructor(
    capacity: PassCapacity,
    {
      pool,
      stream,
      model,
    }: { readonly pool: CudaMemoryPool; readonly stream: CudaStream; readonly model: string },
  ) {
    this.capacity = capacity;
    this.#pool = pool;
    const tag = { model, purpose: "workspace", label: "inputs" } as const;
    this.#block = pool.allocate({ sizeBytes: passInputBytes(capacity), tag, stream });
    let offset = 0;
    for (const [name, size] of arraySizes(capacity)) {
      this.#offsets.set(name, offset);
      offset += Math.ceil(size / alignment) * alignment * intBytes;
    }
  }

  addressOf(name: PassInputName): bigint {
    return this.#block.devicePointer + BigInt(this.#offsets.get(name) ?? 0);
  }

  /** The same arrays in memory of the host. */
  viewsOf({ buffer, byteOffset }: Uint8Array): Readonly<Record<PassInputName, Int32Array>> {
    const views: Partial<Record<PassInputName, Int32Array>> = {};
    for (const [name, size] of arraySizes(this.capacity)) {
      views[name] = new Int32Array(buffer, byteOffset + this.#offsets.get(name)!, size);
    }
    return views as Record<PassInputName, Int32Array>;
  }

  /** Queues the copy of arrays of the host, with the pages of so many pieces. */
  copyFrom(bytes: Uint8Array, pieceCount: number, stream: CudaStream): void {
    const usedBytes = this.#offsets.get("blockTables")! + pieceCount * this.capacity.tableStride * intBytes;
    this.#pool.device.copyToDevice(this.#block, bytes.subarray(0, usedBytes), { stream });
  }

  dispose(): void {
    this.#block.dispose();
  }
}
