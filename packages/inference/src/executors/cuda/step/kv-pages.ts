import type { CudaMemoryBlock, CudaMemoryPool, CudaStream } from "@infernode/memory/cuda";
import type { PageFormat } from "../network/attention/attention-request.ts";
import type { CachePart } from "../network/program.ts";

/** Shape of keys and values in pages. */
export interface KvPagesShape extends Pick<PageFormat, "dtype" | "pageTokens"> {
  readonly layerCount: number;
  readonly pageCount: number;
  readonly kvHeadCount: number;
  readonly headDim: number;
}

const numberBytes: Readonly<Record<PageFormat["dtype"], number>> = { f32: 4, bf16: 2, i8: 1 };
const scaleBytes = 4;
const granularity = 256;

/** Bytes that one token takes in all layers. */
export function kvTokenBytes({
  layerCount,
  kvHeadCount,
  headDim,
  dtype,
}: Omit<KvPagesShape, "pageCount">): number {
  return 2 * layerCount * kvHeadCount * (headDim * numberBytes[dtype] + (dtype === "i8" ? scaleBytes : 0));
}

/** Bytes of all pages. */
export function kvPagesBytes(shape: KvPagesShape): number {
  return 2 * shape.layerCount * (numbersBytes(shape) + scalesBytes(shape));
}

/** Keys and values, of each layer `(pages, kvHeads, pageTokens, headDim)` one after the other, in one block; then scales. */
export class KvPages {
  readonly #block: CudaMemoryBlock;
  readonly #shape: KvPagesShape;

  constructor(
    shape: KvPagesShape,
    {
      pool,
      stream,
      model,
    }: { readonly pool: CudaMemoryPool; readonly stream: CudaStream; readonly model: string },
  ) {
    this.#shape = shape;
    const tag = { model, purpose: "kv-cache", label: "pages" } as const;
    this.#block = pool.allocate({ sizeBytes: kvPagesBytes(shape), tag, stream });
  }

  addressOf(layerIndex: number, part: CachePart): bigint {
    const { layerCount } = this.#shape;
    const isValues = part === "values" || part === "valueScales";
    const index = 2 * layerIndex + (isValues ? 1 : 0);
    const isScales = part === "keyScales" || part === "valueScales";
    const offset = isScales
      ? 2 * layerCount * numbersBytes(this.#shape) + index * scalesBytes(this.#shape)
      : index * numbersBytes(this.#shape);
    return this.#block.devicePointer + BigInt(offset);
  }

  dispose(): void {
    this.#block.dispose();
  }
}

/** Bytes of one layer's keys, or values. */
function numbersBytes({ pageCount, pageTokens, kvHeadCount, headDim, dtype }: KvPagesShape): number {
  return aligned(pageCount * pageTokens * kvHeadCount * headDim * numberBytes[dtype]);
}

function scalesBytes({ pageCount, pageTokens, kvHeadCount, dtype }: KvPagesShape): number {
  return dtype === "i8" ? aligned(pageCount * pageTokens * kvHeadCount * scaleBytes) : 0;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / granularity) * granularity;
}
