import type { MemoryBlockPort, MemoryPort } from "../../ports.ts";
import type { SlotMove } from "../executor.ts";
import type { ComputeAgain, LengthRotations, PlacedChunk } from "./length-rotations.ts";

/** How many slots there are, and of how many tokens. */
export interface SlotSizes {
  readonly maxSequences: number;
  readonly contextTokens: number;
}

/**
 * What a rotation by the length of a sequence takes (`longrope`): up to the original context all positions of a sequence
 * rotate in one way, and in another once it is longer, those before too. So the tokens of each slot are kept, and a
 * sequence that passes the original context, or is cut back to it, is computed again from its start.
 */
export class SequenceRotations implements LengthRotations {
  readonly #originalTokens: number;
  readonly #sizes: SlotSizes;
  readonly #block: MemoryBlockPort;
  /** `(slots)` */
  readonly rowStarts: BigInt64Array;
  /** `(slots, contextTokens)` */
  readonly #tokenIds: Int32Array;

  constructor(
    originalTokens: number,
    sizes: SlotSizes,
    { memory, model }: { readonly memory: MemoryPort; readonly model: string },
  ) {
    this.#originalTokens = originalTokens;
    this.#sizes = sizes;
    this.#block = memory.allocate({
      sizeBytes: SequenceRotations.sizeBytes(sizes),
      tag: { model, purpose: "workspace", label: "tokens of sequences" },
      alignmentBytes: 64,
    });
    const { bytes } = this.#block;
    const startBytes = sizes.maxSequences * BigInt64Array.BYTES_PER_ELEMENT;
    this.rowStarts = new BigInt64Array(bytes.buffer, bytes.byteOffset, sizes.maxSequences).fill(0n);
    const tokenCount = sizes.maxSequences * sizes.contextTokens;
    this.#tokenIds = new Int32Array(bytes.buffer, bytes.byteOffset + startBytes, tokenCount);
  }

  static sizeBytes({ maxSequences, contextTokens }: SlotSizes): number {
    return maxSequences * (BigInt64Array.BYTES_PER_ELEMENT + contextTokens * Int32Array.BYTES_PER_ELEMENT);
  }

  /**
   * Where a chunk is to be cut, as ends of parts, so that logits after a position are those of the sequence up to there:
   * at the original context, if logits are wanted on both sides of it. Those of a prompt that is known to be longer are
   * all those of the whole prompt.
   */
  partEnds({ startPosition, tokenIds, knownLength = 0 }: PlacedChunk, logitCount: number): readonly number[] {
    const tokenCount = tokenIds.length;
    if (knownLength > this.#originalTokens) return [tokenCount];
    const boundary = this.#originalTokens - startPosition;
    const isAcross = boundary > tokenCount - logitCount && boundary < tokenCount;
    return isAcross ? [boundary, tokenCount] : [tokenCount];
  }

  /** Prepares a slot for the next tokens of its sequence. */
  async place(chunk: PlacedChunk, computeAgain: ComputeAgain): Promise<void> {
    const { slot, startPosition, tokenIds, knownLength = 0 } = chunk;
    const first = slot * this.#sizes.contextTokens;
    this.#tokenIds.set(tokenIds, first + startPosition);
    const isLong = Math.max(knownLength, startPosition + tokenIds.length) > this.#originalTokens;
    const start = isLong ? BigInt(this.#originalTokens) : 0n;
    if (this.rowStarts[slot] === start) return;
    this.rowStarts[slot] = start;
    if (startPosition === 0) return;
    const before = this.#tokenIds.slice(first, first + startPosition);
    await computeAgain({ slot, startPosition: 0, tokenIds: before });
  }

  /** A sequence that is placed has its rows. */
  chooseRows(): undefined {
    return undefined;
  }

  /** Records a move of the cache. */
  move({ from, to, fromTokens, toTokens }: SlotMove): void {
    const { contextTokens } = this.#sizes;
    const [source, target] = [from * contextTokens, to * contextTokens];
    const kept = this.#tokenIds.slice(target, target + toTokens);
    this.#tokenIds.copyWithin(target, source, source + fromTokens);
    this.#tokenIds.set(kept, source);
    const replaced = this.rowStarts[to]!;
    this.rowStarts[to] = this.rowStarts[from]!;
    if (toTokens > 0) this.rowStarts[from] = replaced;
  }

  dispose(): void {
    this.#block.dispose();
  }
}
