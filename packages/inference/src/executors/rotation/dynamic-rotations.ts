import type { MemoryBlockPort, MemoryPort } from "../../ports.ts";
import type { LengthRotations, PlacedChunk, SlotRun } from "./length-rotations.ts";
import type { RowFill, TableSizes } from "./rope-table.ts";

/**
 * Rotations whose frequencies follow the length of a sequence (`dynamic`): past the original context those of a prompt
 * follow its whole length, and those of a later token the length up to it. What is cached stays as it was rotated.
 *
 * The tables have a row for each position, rotated as the last token of a sequence; behind them rows for the chunk of a
 * prompt that is computed, and one for each slot, for a chunk of one token.
 *
 * @see transformers, `modeling_rope_utils.py` (`dynamic_frequency_update`), and its `generate` with a cache
 */
export class DynamicRotations implements LengthRotations {
  readonly #originalTokens: number;
  readonly #sizes: TableSizes;
  readonly #block: MemoryBlockPort;
  /** `(slots)` the row of position 0. */
  readonly rowStarts: BigInt64Array;
  /** `(slots)` how long the sequence of the tokens to compute is known to get. */
  readonly #lengths: Int32Array;

  constructor(
    originalTokens: number,
    sizes: TableSizes,
    { memory, model }: { readonly memory: MemoryPort; readonly model: string },
  ) {
    this.#originalTokens = originalTokens;
    this.#sizes = sizes;
    this.#block = memory.allocate({
      sizeBytes: DynamicRotations.sizeBytes(sizes),
      tag: { model, purpose: "workspace", label: "rows of rotations" },
      alignmentBytes: 64,
    });
    const { bytes } = this.#block;
    this.rowStarts = new BigInt64Array(bytes.buffer, bytes.byteOffset, sizes.maxSequences).fill(0n);
    this.#lengths = new Int32Array(sizes.maxSequences);
  }

  static sizeBytes({ maxSequences }: TableSizes): number {
    return maxSequences * BigInt64Array.BYTES_PER_ELEMENT;
  }

  partEnds({ tokenIds }: PlacedChunk): readonly number[] {
    return [tokenIds.length];
  }

  async place({ slot, startPosition, tokenIds, knownLength = 0 }: PlacedChunk): Promise<void> {
    this.#lengths[slot] = Math.max(knownLength, startPosition + tokenIds.length);
  }

  chooseRows({ slot, startPosition, tokenCount }: SlotRun): RowFill | undefined {
    const { contextTokens, maxChunkTokens } = this.#sizes;
    const end = startPosition + tokenCount;
    const lengthTokens = Math.max(this.#lengths[slot]!, end);
    const isLast = tokenCount === 1 && lengthTokens === end;
    if (lengthTokens <= this.#originalTokens || isLast) {
      this.rowStarts[slot] = 0n;
      return undefined;
    }
    const row = tokenCount === 1 ? contextTokens + maxChunkTokens + slot : contextTokens;
    this.rowStarts[slot] = BigInt(row - startPosition);
    return { row, startPosition, tokenCount, lengthTokens };
  }

  /** Slots are placed before each run. */
  move(): void {}

  dispose(): void {
    this.#block.dispose();
  }
}
