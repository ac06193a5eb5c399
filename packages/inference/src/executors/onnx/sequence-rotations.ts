import type { ModelConfig } from "@infernode/models";
import { InferenceError } from "../../errors.ts";
import type { MemoryBlockPort, MemoryPort } from "../../ports.ts";
import type { SlotMove } from "../executor.ts";
import { ropeStartInput } from "./graph/head-inputs.ts";
import { longRowStart } from "./rope-table.ts";
import type { TensorBuffer } from "./runtime/runtime.ts";
import { int32 } from "./typed-views.ts";

/** How many slots there are, and of how many tokens. */
export interface SlotSizes {
  readonly maxSequences: number;
  readonly contextTokens: number;
}

/** Tokens of one sequence that are about to be computed. */
export interface SequenceChunk {
  readonly slot: number;
  readonly startPosition: number;
  readonly tokenIds: Int32Array;
}

/** A chunk, and how long its sequence is known to get. */
interface PlacedChunk extends SequenceChunk {
  /** [the end of the chunk] */
  readonly knownLength?: number | undefined;
}

/** Computes tokens of a sequence into its slot, with no logits. */
type ComputeAgain = (chunk: SequenceChunk) => Promise<void>;

/**
 * What a rotation by the length of a sequence takes (`longrope`): up to the original context all positions of a sequence
 * rotate in one way, and in another once it is longer, those before too. So the tokens of each slot are kept, and a
 * sequence that passes the original context, or is cut back to it, is computed again from its start.
 */
export class SequenceRotations {
  readonly #originalTokens: number;
  readonly #sizes: SlotSizes;
  readonly #block: MemoryBlockPort;
  /** `(slots)` */
  readonly #starts: BigInt64Array;
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
      sizeBytes: rotationBytes(sizes),
      tag: { model, purpose: "workspace", label: "tokens of sequences" },
      alignmentBytes: 64,
    });
    const { bytes } = this.#block;
    const startBytes = sizes.maxSequences * BigInt64Array.BYTES_PER_ELEMENT;
    this.#starts = new BigInt64Array(bytes.buffer, bytes.byteOffset, sizes.maxSequences).fill(0n);
    this.#tokenIds = int32(bytes.subarray(startBytes));
  }

  /** The input of a call on `count` slots from `slot` on. */
  inputOf(slot: number, count: number): TensorBuffer {
    const { buffer, byteOffset, byteLength } = this.#starts.subarray(slot, slot + count);
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    return { name: ropeStartInput, dtype: "int64", shape: [count], bytes };
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
    if (this.#starts[slot] === start) return;
    this.#starts[slot] = start;
    if (startPosition === 0) return;
    const before = this.#tokenIds.slice(first, first + startPosition);
    await computeAgain({ slot, startPosition: 0, tokenIds: before });
  }

  /** Records a move of the cache. */
  move({ from, to, fromTokens, toTokens }: SlotMove): void {
    const { contextTokens } = this.#sizes;
    const [source, target] = [from * contextTokens, to * contextTokens];
    const kept = this.#tokenIds.slice(target, target + toTokens);
    this.#tokenIds.copyWithin(target, source, source + fromTokens);
    this.#tokenIds.set(kept, source);
    const replaced = this.#starts[to]!;
    this.#starts[to] = this.#starts[from]!;
    if (toTokens > 0) this.#starts[from] = replaced;
  }

  dispose(): void {
    this.#block.dispose();
  }
}

/** Bytes of a `SequenceRotations`. */
export function rotationBytes({ maxSequences, contextTokens }: SlotSizes): number {
  return maxSequences * (BigInt64Array.BYTES_PER_ELEMENT + contextTokens * Int32Array.BYTES_PER_ELEMENT);
}

/**
 * The original context of a model that rotates by the length of a sequence, at most `contextTokens`; `undefined` where
 * it does not.
 *
 * @throws InferenceError `UNSUPPORTED_MODEL` for more than one
 */
export function originalContextOf(
  { rotaries }: Pick<ModelConfig, "rotaries">,
  contextTokens: number,
): number | undefined {
  const found = new Set(
    rotaries.map((rotary) => longRowStart(rotary, contextTokens)).filter((start) => start > 0),
  );
  const [original] = found;
  if (found.size <= 1) return original;
  const got = [...found].join(" and ");
  throw new InferenceError("UNSUPPORTED_MODEL", {
    field: "rotaries",
    expected: "one original context of all layers",
    got,
  });
}
