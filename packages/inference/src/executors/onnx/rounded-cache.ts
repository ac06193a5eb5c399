import type { MemoryBlockPort, MemoryPort } from "../../ports.ts";
import type { SlotMove } from "../executor.ts";
import { KvSlots, type KvSlotsShape, slotsBytes } from "../slots/kv-slots.ts";
import { float32 } from "../typed-views.ts";

/** The largest number of int8, of which a channel's range is made. */
export const mostInt8 = 127;
const leastScale = 2 ** -100;

/**
 * What a cache of int8 has beside it: the scales, and keys and values in float32 of the sequence whose prompt was
 * computed last. Chunks of prompts are computed with those, and rounded into the cache afterwards.
 */
export class RoundedCache {
  /** One slot of float32. */
  readonly exact: KvSlots;
  /** `(layers, keys and values, kvHeads · headDim)`: the factors that make float32 of int8. */
  readonly scales: Float32Array;
  readonly #cache: KvSlots;
  readonly #inverses: Float32Array;
  readonly #scaleBlock: MemoryBlockPort;
  /** `(slotCount)` how many of a slot's first positions are those in `exact`. */
  readonly #heldTokens: Int32Array;

  constructor(
    cache: KvSlots,
    exactTokens: number,
    { memory, model }: { readonly memory: MemoryPort; readonly model: string },
  ) {
    const { shape } = cache;
    this.#cache = cache;
    this.exact = new KvSlots(exactShape(shape, exactTokens), memory, { model, label: "prompt, " });
    try {
      this.#scaleBlock = memory.allocate({
        sizeBytes: scaleBytes(shape),
        tag: { model, purpose: "kv-cache", label: "scales" },
        alignmentBytes: 64,
      });
    } catch (error) {
      this.exact.dispose();
      throw error;
    }
    this.scales = float32(this.#scaleBlock.bytes);
    this.#inverses = new Float32Array(this.scales.length);
    this.#heldTokens = new Int32Array(shape.slotCount);
  }

  /** Sets the largest magnitude of each channel, in the order of `scales`. Drops what is cached. */
  setRanges(ranges: Float32Array): void {
    for (const [index, range] of ranges.entries()) {
      // A channel that is always 0 needs a scale too.
      const scale = Math.max(range / mostInt8, leastScale);
      this.scales[index] = scale;
      this.#inverses[index] = 1 / scale;
    }
    this.#heldTokens.fill(0);
  }

  /** Whether a chunk can be computed with `exact`: all tokens before it are there, and there is room. */
  hasRoom(slot: number, startPosition: number, tokenCount: number): boolean {
    const isInside = startPosition + tokenCount <= this.exact.shape.capacityTokens;
    return isInside && (this.#heldTokens[slot] ?? 0) >= startPosition;
  }

  /** Records that positions of `exact` from one on are written. */
  claim(startPosition: number): void {
    const held = this.#heldTokens;
    for (let slot = 0; slot < held.length; slot += 1) held[slot] = Math.min(held[slot]!, startPosition);
  }

  /** Records that a chunk was computed with `exact`, and rounds it into the cache. */
  store(slot: number, startPosition: number, tokenCount: number): void {
    this.#heldTokens[slot] = startPosition + tokenCount;
    const { kvHeadCount, headDim, capacityTokens } = this.#cache.shape;
    const width = kvHeadCount * headDim;
    const exactHead = this.exact.shape.capacityTokens * headDim;
    const sources = this.exact.views(0, 1);
    let row = 0;
    for (const target of this.#cache.views(slot, 1)) {
      const source = sources.next().value as Uint8Array;
      for (let head = 0; head < kvHeadCount; head += 1) {
        const channel = row * width + head * headDim;
        const from = float32(source).subarray(head * exactHead + startPosition * headDim);
        const to = target.subarray((head * capacityTokens + startPosition) * headDim);
        roundRows(from, to, {
          rowCount: tokenCount,
          inverses: this.#inverses.subarray(channel, channel + headDim),
        });
      }
      row += 1;
    }
  }

  /** Records that tokens from a position on were written to the cache alone. */
  forget(slot: number, position: number): void {
    const held = this.#heldTokens;
    if (held[slot]! > position) held[slot] = position;
  }

  /** Records a move of the cache. */
  move({ from, to, fromTokens, toTokens }: SlotMove): void {
    const held = this.#heldTokens;
    const replaced = Math.min(held[to] ?? 0, toTokens);
    held[to] = Math.min(held[from] ?? 0, fromTokens);
    if (toTokens > 0) held[from] = replaced;
  }

  dispose(): void {
    this.exact.dispose();
    this.#scaleBlock.dispose();
  }
}

/** Bytes of a cache of int8 with all that belongs to it. */
export function roundedCacheBytes(shape: KvSlotsShape, exactTokens: number): number {
  return slotsBytes(shape) + slotsBytes(exactShape(shape, exactTokens)) + scaleBytes(shape);
}

function exactShape(shape: KvSlotsShape, exactTokens: number): KvSlotsShape {
  return { ...shape, slotCount: 1, capacityTokens: exactTokens, dtype: "float32" };
}

function scaleBytes({ layerCount, kvHeadCount, headDim }: KvSlotsShape): number {
  return 2 * layerCount * kvHeadCount * headDim * Float32Array.BYTES_PER_ELEMENT;
}

/** Makes int8 of numbers that are multiples of the scales, but for the rounding of float32. */
function roundRows(
  from: Float32Array,
  to: Uint8Array,
  { rowCount, inverses }: { readonly rowCount: number; readonly inverses: Float32Array },
): void {
  const width = inverses.length;
  for (let start = 0; start < rowCount * width; start += width) {
    for (let channel = 0; channel < width; channel += 1) {
      // Positive before it is cut off; the low 8 bits of the difference are the int8.
      to[start + channel] = ((from[start + channel]! * inverses[channel]! + 256.5) | 0) - 256;
    }
  }
}
