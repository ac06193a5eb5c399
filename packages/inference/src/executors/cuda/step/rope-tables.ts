import { setImmediate } from "node:timers/promises";
import type { CudaMemoryBlock, CudaMemoryPool, CudaStream } from "@infernode/memory/cuda";
import type { ModelConfig, Rotary } from "@infernode/models";
import {
  fillRopeRows,
  fillRowsByLength,
  longRowStart,
  type RopeTable,
  ropeRowCount,
  ropeTableBytes,
  type TableSizes,
} from "../../rotation/rope-table.ts";
import { releaseAfter } from "../../release-after.ts";

const rowsPerTurn = 1024;
const floatBytes = 4;

/** Tokens of a sequence of a length, whose rotations follow it. */
export interface RotatedTokens {
  /** Index of the first of them in the pass. */
  readonly firstToken: number;
  readonly startPosition: number;
  readonly tokenCount: number;
  readonly lengthTokens: number;
}

/** One rotation on the device: cosines, then sines. */
interface DeviceTable {
  readonly rotary: Rotary;
  readonly rowCount: number;
  readonly block: CudaMemoryBlock;
  /** Rows of the tokens of a pass, where they follow the length of a sequence. */
  readonly scratch: RopeTable | undefined;
}

/** The tables of a model's rotations, in device memory. */
export class RopeTables {
  readonly #pool: CudaMemoryPool;
  readonly #sizes: TableSizes;
  readonly #tables: DeviceTable[] = [];

  constructor(
    { rotaries }: Pick<ModelConfig, "rotaries">,
    sizes: TableSizes,
    {
      pool,
      stream,
      model,
    }: { readonly pool: CudaMemoryPool; readonly stream: CudaStream; readonly model: string },
  ) {
    this.#pool = pool;
    this.#sizes = sizes;
    try {
      for (const rotary of rotaries) {
        const sizeBytes = ropeTableBytes({ rotaries: [rotary] }, sizes);
        const tag = { model, purpose: "workspace", label: "rotations" } as const;
        const scratchRows = ropeRowCount(rotary, sizes) - sizes.contextTokens;
        this.#tables.push({
          rotary,
          rowCount: ropeRowCount(rotary, sizes),
          block: pool.allocate({ sizeBytes, tag, stream }),
          scratch: rotary.scaling.type === "dynamic" ? emptyTable(scratchRows, rotary) : undefined,
        });
      }
    } catch (error) {
      releaseAfter(error, () => this.dispose());
    }
  }

  addressOf(index: number, part: "cos" | "sin"): bigint {
    const { block } = this.#tables[index]!;
    return block.devicePointer + (part === "cos" ? 0n : BigInt(block.sizeBytes / 2));
  }

  /** Fills the tables. Yields to the event loop in between: a long context takes a large part of a second. */
  async upload(stream: CudaStream): Promise<void> {
    for (const { rotary, rowCount, block } of this.#tables) {
      const longStart = longRowStart(rotary, this.#sizes.contextTokens);
      const filledCount = rotary.scaling.type === "dynamic" ? this.#sizes.contextTokens : rowCount;
      const table = emptyTable(rowCount, rotary);
      for (let start = 0; start < filledCount; start += rowsPerTurn) {
        const end = Math.min(filledCount, start + rowsPerTurn);
        fillRopeRows(rotary, table, { start, end, longRowStart: longStart });
        await setImmediate();
      }
      this.#copy(table, { block, row: 0, rowCount: filledCount, half: rotary.dim / 2 }, stream);
    }
  }

  /** Fills the rows of tokens of a pass. */
  fillByLength(
    { firstToken, startPosition, tokenCount, lengthTokens }: RotatedTokens,
    stream: CudaStream,
  ): void {
    for (const { rotary, block, scratch } of this.#tables) {
      if (scratch === undefined) continue;
      fillRowsByLength(rotary, scratch, { row: 0, startPosition, tokenCount, lengthTokens });
      const row = this.#sizes.contextTokens + firstToken;
      this.#copy(scratch, { block, row, rowCount: tokenCount, half: rotary.dim / 2 }, stream);
    }
  }

  dispose(): void {
    for (const { block } of this.#tables.splice(0)) block.dispose();
  }

  #copy(
    { cos, sin }: RopeTable,
    {
      block,
      row,
      rowCount,
      half,
    }: {
      readonly block: CudaMemoryBlock;
      readonly row: number;
      readonly rowCount: number;
      readonly half: number;
    },
    stream: CudaStream,
  ): void {
    for (const [numbers, base] of [
      [cos, 0],
      [sin, block.sizeBytes / 2],
    ] as const) {
      const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, rowCount * half * floatBytes);
      this.#pool.device.copyToDevice(block, bytes, { stream, offsetBytes: base + row * half * floatBytes });
    }
  }
}

function emptyTable(rowCount: number, { dim }: Rotary): RopeTable {
  const size = rowCount * (dim / 2);
  return { rowCount, cos: new Float32Array(size), sin: new Float32Array(size) };
}
