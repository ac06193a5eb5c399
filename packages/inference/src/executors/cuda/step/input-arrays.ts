import type { CudaMemoryPool, CudaStream } from "@infernode/memory/cuda";
import type { PassInputName } from "../network/program.ts";
import { arrayBytes, type ArraySizes, DeviceArrays } from "./device-arrays.ts";

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

/** The order of the arrays: the largest one, of which often only a part is used, is last. */
function arraySizes({ tokens, logits, pieces, tableStride }: PassCapacity): ArraySizes<PassInputName> {
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
    ["topCounts", logits],
    ["samplingParameters", logits * samplingParameterInts],
    ["pieceTokens", pieces],
    ["pieceLengths", pieces],
    ["piecePositions", pieces],
    ["blockTables", pieces * tableStride],
  ];
}

/** Bytes of all arrays. */
export function passInputBytes(capacity: PassCapacity): number {
  return arrayBytes(arraySizes(capacity));
}

/** The arrays that say what a pass computes, on the device. */
export class InputArrays {
  readonly capacity: PassCapacity;
  readonly #arrays: DeviceArrays<PassInputName>;

  constructor(
    capacity: PassCapacity,
    owner: { readonly pool: CudaMemoryPool; readonly stream: CudaStream; readonly model: string },
  ) {
    this.capacity = capacity;
    this.#arrays = new DeviceArrays(arraySizes(capacity), { ...owner, label: "inputs" });
  }

  addressOf(name: PassInputName): bigint {
    return this.#arrays.addressOf(name);
  }

  /** The same arrays in memory of the host. */
  viewsOf(bytes: Uint8Array): Readonly<Record<PassInputName, Int32Array>> {
    return this.#arrays.viewsOf(bytes);
  }

  /** Queues the copy of arrays of the host, with the pages of so many pieces. */
  copyFrom(bytes: Uint8Array, pieceCount: number, stream: CudaStream): void {
    const count = pieceCount * this.capacity.tableStride;
    this.#arrays.copyFrom(bytes, { from: "tokenCount", to: "blockTables", count }, stream);
  }

  dispose(): void {
    this.#arrays.dispose();
  }
}
