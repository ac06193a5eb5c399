import type { CudaMemoryBlock, CudaMemoryPool, CudaStream } from "@infernode/memory/cuda";
import type { WeightRef } from "@infernode/models";
import type { AdapterSource, AdapterStorage } from "../../adapter-storage.ts";
import {
  type AdaptableProduct,
  assertAdapterChange,
  assertAdapterFits,
} from "../../adapters/assert-adapter.ts";
import { releaseAfter } from "../../release-after.ts";

const floatBytes = 4;

/** How many adapters there is room for. */
interface DeviceAdapterSizes {
  readonly maxAdapters: number;
  readonly maxRank: number;
}

/** A product, and its matrices of all places. */
interface DeviceProduct extends AdaptableProduct {
  /** `(maxAdapters, maxRank, in)` */
  readonly down: CudaMemoryBlock;
  /** `(maxAdapters, maxRank, out)` */
  readonly up: CudaMemoryBlock;
}

/** Holds the matrices of adapters in device memory. Copies run on a stream of their own, beside a forward. */
export class DeviceAdapters implements AdapterStorage {
  readonly maxAdapters: number;
  readonly maxRank: number;
  readonly #pool: CudaMemoryPool;
  readonly #stream: CudaStream;
  readonly #products = new Map<string, DeviceProduct>();
  /** By place: the largest rank of its adapter. */
  readonly #ranks: Int32Array;
  /** By place. */
  readonly #loadIds: Int32Array;
  #lastLoadId = 0;

  constructor(
    products: Iterable<WeightRef>,
    { maxAdapters, maxRank }: DeviceAdapterSizes,
    {
      pool,
      stream,
      model,
    }: { readonly pool: CudaMemoryPool; readonly stream: CudaStream; readonly model: string },
  ) {
    this.maxAdapters = maxAdapters;
    this.maxRank = maxRank;
    this.#pool = pool;
    this.#ranks = new Int32Array(maxAdapters + 1);
    this.#loadIds = new Int32Array(maxAdapters + 1);
    this.#stream = pool.device.createStream();
    const allocate = (width: number): CudaMemoryBlock => {
      const sizeBytes = maxAdapters * maxRank * width * floatBytes;
      return pool.allocate({ sizeBytes, tag: { model, purpose: "weights", label: "adapters" }, stream });
    };
    try {
      for (const { name, shape } of products) {
        const [outputSize = 0, inputSize = 0] = shape;
        const [down, up] = [allocate(inputSize), allocate(outputSize)];
        this.#products.set(name, { weightName: name, inputSize, outputSize, down, up });
      }
    } catch (error) {
      releaseAfter(error, () => this.dispose());
    }
  }

  /** The rank of the adapter in a place; 0 where there is none. */
  rankAt(place: number): number {
    return this.#ranks[place] ?? 0;
  }

  /** Tells what was loaded into a place from all that was loaded before; 0 where nothing is. */
  loadIdAt(place: number): number {
    return this.#loadIds[place] ?? 0;
  }

  addressOf(weightName: string, part: "down" | "up"): bigint {
    return this.#products.get(weightName)![part].devicePointer;
  }

  async load(place: number, adapter: AdapterSource): Promise<void> {
    const { maxAdapters, maxRank } = this;
    assertAdapterFits(place, adapter, { maxAdapters, maxRank, products: this.#products });
    this.unload(place);
    // Products that the adapter does not change, and rows beyond its rank, add nothing.
    for (const product of this.#products.values()) {
      this.#clear(product.down, product.inputSize, place);
      this.#clear(product.up, product.outputSize, place);
    }
    for (const target of adapter.targets) {
      const product = this.#products.get(target.weightName)!;
      const change = await adapter.read(target);
      assertAdapterChange(product, target.rank, change);
      this.#copy(product.down, change.down, { width: product.inputSize, place });
      this.#copy(product.up, change.up, { width: product.outputSize, place });
    }
    await this.#stream.synchronize();
    this.#ranks[place] = adapter.rank;
    this.#lastLoadId += 1;
    this.#loadIds[place] = this.#lastLoadId;
  }

  unload(place: number): void {
    this.#ranks[place] = 0;
    this.#loadIds[place] = 0;
  }

  dispose(): void {
    for (const { down, up } of this.#products.values()) {
      down.dispose();
      up.dispose();
    }
    this.#products.clear();
    this.#stream.dispose();
  }

  #clear(block: CudaMemoryBlock, width: number, place: number): void {
    const sizeBytes = this.maxRank * width * floatBytes;
    this.#pool.device.fill(block, 0, {
      stream: this.#stream,
      offsetBytes: (place - 1) * sizeBytes,
      sizeBytes,
    });
  }

  #copy(
    block: CudaMemoryBlock,
    numbers: Float32Array,
    { width, place }: { readonly width: number; readonly place: number },
  ): void {
    const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    const offsetBytes = (place - 1) * this.maxRank * width * floatBytes;
    this.#pool.device.copyToDevice(block, bytes, { stream: this.#stream, offsetBytes });
  }
}

/** Bytes of the matrices of all adapters. */
export function deviceAdapterBytes(
  products: Iterable<WeightRef>,
  { maxAdapters, maxRank }: DeviceAdapterSizes,
): number {
  let width = 0;
  for (const { shape } of products) width += (shape[0] ?? 0) + (shape[1] ?? 0);
  return maxAdapters * maxRank * width * floatBytes;
}
