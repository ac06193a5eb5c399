import type { CudaMemoryBlock, CudaMemoryPool, CudaStream } from "@infernode/memory/cuda";

/** Arrays of numbers of 32 bits, in order, by name. */
export type ArraySizes<Name extends string> = readonly (readonly [Name, number])[];

const intBytes = Int32Array.BYTES_PER_ELEMENT;
/** Arrays start at multiples of so many numbers. */
const alignment = 16;

/** Bytes of all arrays. */
export function arrayBytes(sizes: ArraySizes<string>): number {
  return sizes.reduce((sum, [, size]) => sum + Math.ceil(size / alignment) * alignment, 0) * intBytes;
}

/** Arrays one behind the other on the device. */
export class DeviceArrays<Name extends string> {
  readonly #sizes: ArraySizes<Name>;
  readonly #pool: CudaMemoryPool;
  readonly #block: CudaMemoryBlock;
  readonly #offsets = new Map<Name, number>();

  constructor(
    sizes: ArraySizes<Name>,
    {
      pool,
      stream,
      model,
      label,
    }: {
      readonly pool: CudaMemoryPool;
      readonly stream: CudaStream;
      readonly model: string;
      readonly label: string;
    },
  ) {
    this.#sizes = sizes;
    this.#pool = pool;
    const tag = { model, purpose: "workspace", label } as const;
    this.#block = pool.allocate({ sizeBytes: arrayBytes(sizes), tag, stream });
    let offset = 0;
    for (const each of sizes) {
      this.#offsets.set(each[0], offset);
      offset += arrayBytes([each]);
    }
  }

  addressOf(name: Name): bigint {
    return this.#block.devicePointer + BigInt(this.#offsetOf(name));
  }

  /** The same arrays in memory of the host. */
  viewsOf({ buffer, byteOffset }: Uint8Array): Readonly<Record<Name, Int32Array>> {
    const views = this.#sizes.map(([name, size]) => [
      name,
      new Int32Array(buffer, byteOffset + this.#offsetOf(name), size),
    ]);
    return Object.fromEntries(views) as Record<Name, Int32Array>;
  }

  /** Queues the copy of arrays of the host: from the beginning of one to the first `count` numbers of one at or behind it. */
  copyFrom(
    bytes: Uint8Array,
    { from, to, count }: { readonly from: Name; readonly to: Name; readonly count: number },
    stream: CudaStream,
  ): void {
    const offsetBytes = this.#offsetOf(from);
    const used = bytes.subarray(offsetBytes, this.#offsetOf(to) + count * intBytes);
    this.#pool.device.copyToDevice(this.#block, used, { stream, offsetBytes });
  }

  dispose(): void {
    this.#block.dispose();
  }

  #offsetOf(name: Name): number {
    return this.#offsets.get(name)!;
  }
}
