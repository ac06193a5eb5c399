import { setImmediate } from "node:timers/promises";
import type { ModelConfig } from "@infernode/models";
import { float32 } from "../typed-views.ts";
import {
  fillRopeRows,
  fillRowsByLength,
  longRowStart,
  ropeRowCount,
  type RopeTable,
  type RowFill,
  type TableSizes,
} from "./rope-table.ts";

const rowsPerTurn = 1024;

/** A table, and how many numbers a row has. */
interface StoredTable extends RopeTable {
  /** Pairs of features that rotate together. */
  readonly pairCount: number;
}

/** The tables of all rotations of a model, in memory that is passed in: `ropeTableBytes`. */
export class RopeTables {
  /** By the index of the rotation in the config. */
  readonly tables: readonly StoredTable[];
  readonly #rotaries: ModelConfig["rotaries"];
  readonly #contextTokens: number;

  constructor(
    { rotaries }: Pick<ModelConfig, "rotaries">,
    sizes: TableSizes,
    take: (sizeBytes: number) => Uint8Array,
  ) {
    this.#rotaries = rotaries;
    this.#contextTokens = sizes.contextTokens;
    this.tables = rotaries.map((rotary) => {
      const rowCount = ropeRowCount(rotary, sizes);
      const pairCount = rotary.dim / 2;
      const sizeBytes = rowCount * pairCount * Float32Array.BYTES_PER_ELEMENT;
      return { rowCount, pairCount, cos: float32(take(sizeBytes)), sin: float32(take(sizeBytes)) };
    });
  }

  /** Fills what does not depend on sequences. Yields to the event loop in between: a long context takes a large part of a second. */
  async fill(): Promise<void> {
    for (const [index, table] of this.tables.entries()) {
      const rotary = this.#rotaries[index]!;
      const longStart = longRowStart(rotary, this.#contextTokens);
      // The others are filled when they are needed.
      const rowCount = rotary.scaling.type === "dynamic" ? this.#contextTokens : table.rowCount;
      for (let start = 0; start < rowCount; start += rowsPerTurn) {
        const end = Math.min(rowCount, start + rowsPerTurn);
        fillRopeRows(rotary, table, { start, end, longRowStart: longStart });
        await setImmediate();
      }
    }
  }

  /** Fills rows of rotations that follow the length of a sequence. */
  fillRows(fill: RowFill): void {
    for (const [index, table] of this.tables.entries()) fillRowsByLength(this.#rotaries[index]!, table, fill);
  }
}
