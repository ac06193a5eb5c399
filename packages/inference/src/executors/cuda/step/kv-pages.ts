import type { CudaMemoryBlock, CudaMemoryPool, CudaStream } from "@infernode/memory/cuda";
import type { PageFormat } from "../network/choose-attention.ts";

/** Shape of keys and values in pages. */
export interface KvPagesShape extends Pick<PageFormat, "dtype" | "pageTokens"> {
  readonly layerCount: number;
  readonly pageCount: number;
  readonly kvHeadCount: number;
  readonly headDim: number;
}

const numberBytes: Readonly<Record<PageFormat["dtype"], number>> = { f32: 4, bf16: 2 };

/** Bytes that one token takes in all layers. */
export function kvTokenBytes({ layerCount, kvHeadCount, headDim, dtype }: Omit<KvPagesShape, "pageCount">): number {
  return 2 * layerCount * kvHeadCount * headDim * numberBytes[dtype];
}

/** Bytes of all pages. */
export function kvPagesBytes(shape: KvPagesShape): number {
  return shape.pageCount * shape.pageTokens * kvTokenBytes(shape);
}

/** Keys and values, of each layer `(pages, kvHeads, pageTokens, headDim)` one after the other, in one block. */
export class KvPages {
  readonly #block: CudaMemoryBlock;
  readonly #partBytes: number;

  constructor(
    shape: KvPagesShape,
    { pool, stream, model }: { readonly pool: CudaMemoryPool; readonly stream: CudaStream; readonly model: string },
  ) {
    const sizeBytes = kvPagesBytes(shape);
    this.#partBytes = sizeBytes / (2 * shape.layerCount);
    this.#block = pool.allocate({ sizeBytes, tag: { model, purpose: "kv-cache", label: "pages" }, stream });
  }

  addressOf(layerIndex: number, part: "keys" | "values"): bigint {
    const index = 2 * layerIndex + (part === "keys" ? 0 : 1);
    return this.#block.devicePointer + BigInt(index * this.#partBytes);
  }

  dispose(): void {
    this.#block.dispose();
  }
}
