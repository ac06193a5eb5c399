import type { CudaMemoryBlock, CudaMemoryPool, CudaStream } from "@infernode/memory/cuda";
import { numberBytes } from "../../weights/decode-numbers.ts";
import {
  type AddressOperand,
  type ProgramWeights,
  tableKey,
  tensorKey,
  vectorKey,
} from "../network/program.ts";
import type { MatrixWeight, TensorUse, VectorUse } from "../network/weight-uses.ts";
import { uploadWeights } from "./upload-weights.ts";
import { releaseAfter } from "../../release-after.ts";

const floatBytes = 4;
const addressBytes = 8;
/** Addresses of one matrix. */
const matrixFields = 6;
const granularityBytes = 256;

/** The weights of a network in device memory. */
export interface DeviceWeights {
  /** The address of a weight, a vector or a table of matrices. */
  addressOf(operand: WeightOperand): bigint;
  /** Reads all weights from their files. @throws InferenceError `EXECUTOR_FAILED` */
  upload(): Promise<void>;
  dispose(): void;
}

/** An operand that does not depend on a batch. */
export type WeightOperand = Extract<AddressOperand, { readonly kind: "tensor" | "vector" | "matrices" }>;

/** Bytes of a program's weights in device memory. */
export function weightBytes({ tensors, vectors, tables }: ProgramWeights): number {
  const sizes = [
    ...Array.from(tensors.values(), tensorBytes),
    ...Array.from(vectors.values(), vectorBytes),
    ...Array.from(tables.values(), tableBytes),
  ];
  const rounded = sizes.map((size) => Math.ceil(size / granularityBytes) * granularityBytes);
  return rounded.reduce((sum, size) => sum + size, 0);
}

/** Allocates memory for all weights. */
export function createDeviceWeights(
  weights: ProgramWeights,
  {
    pool,
    stream,
    model,
  }: { readonly pool: CudaMemoryPool; readonly stream: CudaStream; readonly model: string },
): DeviceWeights {
  const blocks = new Map<string, CudaMemoryBlock>();
  const dispose = (): void => {
    for (const block of blocks.values()) block.dispose();
    blocks.clear();
  };
  const allocate = (key: string, label: string, sizeBytes: number): void => {
    const tag = { model, purpose: "weights", label } as const;
    blocks.set(key, pool.allocate({ sizeBytes, tag, stream }));
  };
  const addressOfKey = (key: string): bigint => blocks.get(key)!.devicePointer;
  try {
    for (const [key, use] of weights.tensors) allocate(key, use.tensor.name, tensorBytes(use));
    for (const [key, use] of weights.vectors) allocate(key, use.tensors[0]?.name ?? "", vectorBytes(use));
    for (const [key, table] of weights.tables) allocate(key, "table of matrices", tableBytes(table));
  } catch (error) {
    return releaseAfter(error, dispose);
  }
  return {
    addressOf(operand) {
      switch (operand.kind) {
        case "tensor":
          return addressOfKey(tensorKey(operand.tensor));
        case "vector":
          return addressOfKey(vectorKey(operand.vector));
        case "matrices":
          return addressOfKey(tableKey(operand.matrices));
        default:
          return operand satisfies never;
      }
    },
    async upload() {
      const { device } = pool;
      for (const [key, table] of weights.tables) {
        const addresses = BigUint64Array.from(
          table.flatMap((matrix) => matrixAddresses(matrix, addressOfKey)),
        );
        device.copyToDevice(blocks.get(key)!, new Uint8Array(addresses.buffer), { stream });
      }
      await uploadWeights(weights, { device, stream, blockOf: (key) => blocks.get(key)! });
    },
    dispose,
  };
}

function matrixAddresses({ parts, bias }: MatrixWeight, addressOfKey: (key: string) => bigint): bigint[] {
  return [
    ...parts.map((part) => (part === undefined ? 0n : addressOfKey(tensorKey(part)))),
    bias === undefined ? 0n : addressOfKey(vectorKey(bias)),
  ];
}

function tensorBytes({ tensor, as }: TensorUse): number {
  const stored = tensor.endByte - tensor.startByte;
  return as === "stored" ? stored : (stored / (numberBytes[tensor.dtype] ?? 1)) * floatBytes;
}

function vectorBytes({ tensors }: VectorUse): number {
  return tensors.reduce((sum, tensor) => sum + tensorBytes({ tensor, as: "float32" }), 0);
}

function tableBytes(matrices: readonly MatrixWeight[]): number {
  return matrices.length * matrixFields * addressBytes;
}
