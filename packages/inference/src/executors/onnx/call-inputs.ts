import { setImmediate } from "node:timers/promises";
import { InferenceError } from "../../errors.ts";
import type { MemoryBlockPort, MemoryPort } from "../../ports.ts";
import { inputBytes } from "./memory-plan.ts";
import type { ExecutorModel } from "../executor-provider.ts";
import type { ResolvedOnnxMemoryOptions } from "./onnx-options.ts";
import { fillRopeRows, type RopeTable, ropeTableBytes } from "./rope-table.ts";
import type { TensorBuffer } from "./runtime/runtime.ts";

const ropeRowsPerTurn = 1024;

/** Memory of the inputs: ids, positions and rows, written at each step, and the constant rope tables. */
export class CallInputs {
  readonly decodeTokenIds: Uint8Array;
  readonly decodePositions: Uint8Array;
  readonly decodeRows: Uint8Array;
  readonly chunkTokenIds: Uint8Array;
  readonly chunkPosition: Uint8Array;
  readonly chunkRows: Uint8Array;
  readonly totalLength: Uint8Array;
  /** The same memory as numbers. */
  readonly totalLengthValue: Int32Array;
  readonly rope: readonly TensorBuffer[];
  readonly #block: MemoryBlockPort;
  readonly #config: ExecutorModel["config"];
  readonly #ropeTable: RopeTable;

  constructor(model: ExecutorModel, memory: MemoryPort, sizes: ResolvedOnnxMemoryOptions) {
    const { maxSequences, maxChunkTokens, contextTokens } = sizes;
    const tableBytes = ropeTableBytes(model.config, contextTokens);
    this.#block = memory.allocate({
      sizeBytes: tableBytes + inputBytes(maxSequences, maxChunkTokens),
      tag: { model: model.name, purpose: "workspace", label: "inputs and rope tables" },
      alignmentBytes: 64,
    });
    this.#block.bytes.fill(0);
    let offset = 0;
    const take = (sizeBytes: number): Uint8Array => {
      offset += sizeBytes;
      return this.#block.bytes.subarray(offset - sizeBytes, offset);
    };
    const [cos, sin] = [take(tableBytes / 2), take(tableBytes / 2)];
    this.#config = model.config;
    this.#ropeTable = { positionCount: contextTokens, cos: float32(cos), sin: float32(sin) };
    const shape = [contextTokens, model.config.headDim / 2];
    this.rope = [
      { name: "rope_cos", dtype: "float32", shape, bytes: cos },
      { name: "rope_sin", dtype: "float32", shape, bytes: sin },
    ];
    this.decodeTokenIds = take(maxSequences * 4);
    this.decodePositions = take(maxSequences * 4);
    this.decodeRows = take(maxSequences * 4);
    this.chunkTokenIds = take(maxChunkTokens * 4);
    this.chunkPosition = take(4);
    this.chunkRows = take(maxChunkTokens * 4);
    this.totalLength = take(4);
    this.totalLengthValue = int32(this.totalLength);
    const rows = int32(this.decodeRows);
    for (let row = 0; row < maxSequences; row += 1) rows[row] = row;
  }

  /** Yields to the event loop in between: a long context takes a large part of a second. */
  async fillRope(): Promise<void> {
    const { positionCount } = this.#ropeTable;
    for (let start = 0; start < positionCount; start += ropeRowsPerTurn) {
      const end = Math.min(positionCount, start + ropeRowsPerTurn);
      fillRopeRows(this.#config, this.#ropeTable, { start, end });
      await setImmediate();
    }
  }

  chunkOf(tokenCount: number): TensorBuffer {
    const bytes = this.chunkTokenIds.subarray(0, tokenCount * 4);
    return { name: "input_ids", dtype: "int32", shape: [1, tokenCount], bytes };
  }

  chunkRowsOf(count: number): TensorBuffer {
    const bytes = this.chunkRows.subarray(0, count * 4);
    return { name: "logit_rows", dtype: "int32", shape: [count], bytes };
  }

  dispose(): void {
    this.#block.dispose();
  }
}

/** The same memory as integers. */
export function int32(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, aligned(bytes), bytes.byteLength / 4);
}

/** The same memory as floats. */
export function float32(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.buffer, aligned(bytes), bytes.byteLength / 4);
}

function aligned(bytes: Uint8Array): number {
  if (bytes.byteOffset % 4 !== 0) {
    const mismatch = { expected: "memory at a multiple of 4 bytes", got: `an offset of ${bytes.byteOffset}` };
    throw new InferenceError("EXECUTOR_FAILED", mismatch);
  }
  return bytes.byteOffset;
}
