import type { MemoryBlockPort, MemoryPort } from "../../ports.ts";
import { inputBytes } from "./memory-plan.ts";
import type { ExecutorModel } from "../executor-provider.ts";
import type { ResolvedSizes } from "../resolve-sizes.ts";
import { ropeNames } from "./graph/attention-operators.ts";
import { ropeTableBytes, type RowFill } from "../rotation/rope-table.ts";
import { RopeTables } from "../rotation/rope-tables.ts";
import type { TensorBuffer } from "./runtime/runtime.ts";
import { float32, int32 } from "../typed-views.ts";

/** Memory of the inputs: ids, positions and rows, written at each step, and the constant rope tables. */
export class CallInputs {
  readonly decodeTokenIds: Uint8Array;
  readonly decodePositions: Uint8Array;
  readonly decodeRows: Uint8Array;
  readonly chunkTokenIds: Uint8Array;
  readonly chunkPosition: Uint8Array;
  readonly chunkRows: Uint8Array;
  readonly totalLength: Uint8Array;
  /** Whether many tokens of one sequence are computed; of a cache of int8, in float32 beside it. */
  readonly isChunk: Uint8Array;
  /** Position of the first of them. */
  readonly chunkStart: Uint8Array;
  /** The smallest and the largest number that keys and values are rounded to. */
  readonly int8Limits: Uint8Array;
  /** The same memory as numbers. */
  readonly totalLengthValue: Int32Array;
  readonly rope: readonly TensorBuffer[];
  readonly #block: MemoryBlockPort;
  readonly #ropeTables: RopeTables;

  constructor(model: ExecutorModel, memory: MemoryPort, sizes: ResolvedSizes) {
    const { maxSequences, maxChunkTokens } = sizes;
    const tableBytes = ropeTableBytes(model.config, sizes);
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
    this.#ropeTables = new RopeTables(model.config, sizes, take);
    this.rope = this.#ropeTables.tables.flatMap(({ rowCount, pairCount, cos, sin }, index) => {
      const names = ropeNames(index);
      const shape = [rowCount, pairCount];
      return [
        { name: names.cos, dtype: "float32", shape, bytes: bytesOf(cos) },
        { name: names.sin, dtype: "float32", shape, bytes: bytesOf(sin) },
      ];
    });
    this.chunkStart = take(8);
    this.int8Limits = take(8);
    this.isChunk = take(8).subarray(0, 1);
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

  /** Fills the tables of rotations. */
  fillRope(): Promise<void> {
    return this.#ropeTables.fill();
  }

  /** Fills rows of rotations that follow the length of a sequence. */
  fillRows(fill: RowFill): void {
    this.#ropeTables.fillRows(fill);
  }

  /** Chooses the attention of the next run. */
  setChunk(isChunk: boolean, startPosition: number): void {
    this.isChunk[0] = isChunk ? 1 : 0;
    new BigInt64Array(this.chunkStart.buffer, this.chunkStart.byteOffset, 1)[0] = BigInt(startPosition);
  }

  /** Cuts off what keys and values are rounded to. */
  setInt8Limits(least: number, most: number): void {
    float32(this.int8Limits).set([least, most]);
  }

  /** The constant inputs of every run. */
  sharedInputs(): readonly TensorBuffer[] {
    return [
      { name: "total_length", dtype: "int32", shape: [], bytes: this.totalLength },
      { name: "is_prefill", dtype: "bool", shape: [], bytes: this.isChunk },
      ...this.rope,
    ];
  }

  /** The inputs of a cache of int8. */
  roundingInputs(): readonly TensorBuffer[] {
    return [
      { name: "start_position", dtype: "int64", shape: [1], bytes: this.chunkStart },
      { name: "least_int8", dtype: "float32", shape: [], bytes: this.int8Limits.subarray(0, 4) },
      { name: "most_int8", dtype: "float32", shape: [], bytes: this.int8Limits.subarray(4) },
    ];
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

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
