import type { MemoryBlockPort, MemoryPort } from "../../ports.ts";
import type { SlotDtype, SlotMove } from "../executor.ts";
import type { ExecutorModel } from "../executor-provider.ts";
import type { ResolvedSizes } from "../resolve-sizes.ts";

/** Shape of keys and values in slots. */
export interface KvSlotsShape {
  readonly layerCount: number;
  readonly slotCount: number;
  readonly kvHeadCount: number;
  /** Positions per slot. */
  readonly capacityTokens: number;
  readonly headDim: number;
  readonly dtype: SlotDtype;
}

/** The shape of a cache with one slot per sequence, each of the whole context. */
export function slotsOfSequences(
  { config }: Pick<ExecutorModel, "config">,
  { maxSequences, contextTokens }: Pick<ResolvedSizes, "maxSequences" | "contextTokens">,
  stored: Pick<KvSlotsShape, "headDim" | "dtype">,
): KvSlotsShape {
  const { layerCount, kvHeadCount } = config;
  return { layerCount, slotCount: maxSequences, kvHeadCount, capacityTokens: contextTokens, ...stored };
}

const numberBytes: Readonly<Record<SlotDtype, number>> = { float32: 4, int8: 1 };

/**
 * Keys and values in memory of the injected pool: per layer one block for keys and one for values, each
 * `(slots, kvHeads, capacity, headDim)`.
 */
export class KvSlots {
  readonly shape: KvSlotsShape;
  readonly #blocks: MemoryBlockPort[] = [];

  constructor(
    shape: KvSlotsShape,
    memory: MemoryPort,
    { model, label = "" }: { readonly model: string; readonly label?: string },
  ) {
    this.shape = shape;
    const sizeBytes = shape.slotCount * slotBytes(shape);
    try {
      for (let layer = 0; layer < shape.layerCount; layer += 1) {
        for (const kind of ["keys", "values"]) {
          const tag = { model, purpose: "kv-cache", label: `${label}layer ${layer} ${kind}` } as const;
          this.#blocks.push(memory.allocate({ sizeBytes, tag, alignmentBytes: 64 }));
        }
      }
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** The bytes of `count` slots from `slot` on, layer by layer, keys before values. */
  *views(slot: number, count: number): Generator<Uint8Array> {
    const stride = slotBytes(this.shape);
    for (const block of this.#blocks) yield block.bytes.subarray(slot * stride, (slot + count) * stride);
  }

  /** The bytes of all slots of one layer. */
  layer(index: number): readonly [keys: Uint8Array, values: Uint8Array] {
    return [this.#blocks[2 * index]!.bytes, this.#blocks[2 * index + 1]!.bytes];
  }

  /** Copies the first positions of one slot to another, or swaps those of two. */
  move(move: SlotMove): void {
    const { kvHeadCount, headDim, capacityTokens, dtype } = this.shape;
    const rowBytes = headDim * numberBytes[dtype];
    const headBytes = capacityTokens * rowBytes;
    const kept = move.toTokens > 0 ? new Uint8Array(move.toTokens * rowBytes) : undefined;
    for (const { bytes } of this.#blocks) {
      for (let head = 0; head < kvHeadCount; head += 1) {
        const from = (move.from * kvHeadCount + head) * headBytes;
        const to = (move.to * kvHeadCount + head) * headBytes;
        kept?.set(bytes.subarray(to, to + kept.length));
        bytes.copyWithin(to, from, from + move.fromTokens * rowBytes);
        if (kept !== undefined) bytes.set(kept, from);
      }
    }
  }

  dispose(): void {
    for (const block of this.#blocks.splice(0)) block.dispose();
  }
}

/** Bytes of one sequence's keys, or values, in one layer. */
export function slotBytes(shape: KvSlotsShape): number {
  return shape.kvHeadCount * shape.capacityTokens * shape.headDim * numberBytes[shape.dtype];
}

/** Bytes of all slots. */
export function slotsBytes(shape: KvSlotsShape): number {
  return 2 * shape.layerCount * shape.slotCount * slotBytes(shape);
}

/** Bytes that one token of a sequence takes in all layers. */
export function kvBytesPerToken({ layerCount, kvHeadCount, headDim, dtype }: KvSlotsShape): number {
  return 2 * layerCount * kvHeadCount * headDim * numberBytes[dtype];
}
