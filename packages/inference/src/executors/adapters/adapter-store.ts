import type { WeightRef } from "@infernode/models";
import type { MemoryBlockPort, MemoryPort } from "../../ports.ts";
import type { AdapterSource, AdapterStorage } from "../adapter-storage.ts";
import { assertAdapterChange, assertAdapterFits } from "./assert-adapter.ts";

const floatBytes = 4;

/** How many adapters there is room for. */
export interface AdapterSizes {
  readonly maxAdapters: number;
  readonly maxRank: number;
}

/** The matrices of all adapters for one product. */
export interface AdaptedProduct {
  readonly weightName: string;
  readonly inputSize: number;
  readonly outputSize: number;
  /** `(maxAdapters · maxRank, in)`: those of place 1, then those of place 2, and so on. */
  readonly down: Float32Array;
  /** `(maxAdapters · maxRank, out)` */
  readonly up: Float32Array;
  /** Which places change the product. */
  readonly isChangedBy: Uint8Array;
}

/** Bytes of the matrices of all adapters. */
export function adapterBytes(products: readonly WeightRef[], { maxAdapters, maxRank }: AdapterSizes): number {
  const width = products.reduce((sum, { shape: [out = 0, in_ = 0] }) => sum + out + in_, 0);
  return maxAdapters * maxRank * width * floatBytes;
}

/** Holds the matrices of adapters, in memory that a graph reads. */
export class AdapterStore implements AdapterStorage {
  readonly maxAdapters: number;
  readonly maxRank: number;
  /** One for each product of the network that adapters can change. */
  readonly products: readonly AdaptedProduct[];
  /** Changes whenever an adapter comes or goes. */
  version = 0;
  readonly #block: MemoryBlockPort;
  readonly #byName: ReadonlyMap<string, AdaptedProduct>;
  /** By place: the largest rank of its adapter. */
  readonly #ranks: Int32Array;
  /** By place. */
  readonly #loadIds: Int32Array;
  #lastLoadId = 0;

  constructor(
    products: readonly WeightRef[],
    sizes: AdapterSizes,
    { memory, model }: { readonly memory: MemoryPort; readonly model: string },
  ) {
    this.maxAdapters = sizes.maxAdapters;
    this.maxRank = sizes.maxRank;
    this.#ranks = new Int32Array(sizes.maxAdapters + 1);
    this.#loadIds = new Int32Array(sizes.maxAdapters + 1);
    this.#block = memory.allocate({
      sizeBytes: adapterBytes(products, sizes),
      tag: { model, purpose: "weights", label: "adapters" },
      alignmentBytes: 64,
    });
    // A row of no adapter is multiplied with 0 all the same.
    this.#block.bytes.fill(0);
    const rows = sizes.maxAdapters * sizes.maxRank;
    const { buffer, byteOffset } = this.#block.bytes;
    let offset = byteOffset;
    const take = (width: number): Float32Array => {
      const start = offset;
      offset += rows * width * floatBytes;
      return new Float32Array(buffer, start, rows * width);
    };
    this.products = products.map(({ name, shape: [outputSize = 0, inputSize = 0] }) => ({
      weightName: name,
      inputSize,
      outputSize,
      down: take(inputSize),
      up: take(outputSize),
      isChangedBy: new Uint8Array(sizes.maxAdapters + 1),
    }));
    this.#byName = new Map(this.products.map((product) => [product.weightName, product]));
  }

  /** The product with a weight, where adapters can change it. */
  product(weightName: string): AdaptedProduct | undefined {
    return this.#byName.get(weightName);
  }

  /** The rank of the adapter in a place; 0 where there is none. */
  rankAt(place: number): number {
    return this.#ranks[place] ?? 0;
  }

  loadIdAt(place: number): number {
    return this.#loadIds[place] ?? 0;
  }

  async load(place: number, adapter: AdapterSource): Promise<void> {
    const { maxAdapters, maxRank } = this;
    assertAdapterFits(place, adapter, { maxAdapters, maxRank, products: this.#byName });
    this.unload(place);
    for (const product of this.products) {
      this.#rowsOf(product.down, product.inputSize, place).fill(0);
      this.#rowsOf(product.up, product.outputSize, place).fill(0);
    }
    for (const target of adapter.targets) {
      const product = this.#byName.get(target.weightName)!;
      const change = await adapter.read(target);
      assertAdapterChange(product, target.rank, change);
      this.#rowsOf(product.down, product.inputSize, place).set(change.down);
      this.#rowsOf(product.up, product.outputSize, place).set(change.up);
    }
    for (const { weightName } of adapter.targets) this.#byName.get(weightName)!.isChangedBy[place] = 1;
    this.#ranks[place] = adapter.rank;
    this.#lastLoadId += 1;
    this.#loadIds[place] = this.#lastLoadId;
    this.version += 1;
  }

  unload(place: number): void {
    for (const { isChangedBy } of this.products) isChangedBy[place] = 0;
    this.#ranks[place] = 0;
    this.#loadIds[place] = 0;
    this.version += 1;
  }

  dispose(): void {
    this.#block.dispose();
  }

  #rowsOf(matrix: Float32Array, width: number, place: number): Float32Array {
    return matrix.subarray((place - 1) * this.maxRank * width, place * this.maxRank * width);
  }
}
