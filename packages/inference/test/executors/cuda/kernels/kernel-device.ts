import { readFileSync } from "node:fs";
import {
  createCudaDevice,
  type CudaDriver,
  type CudaMemoryBlock,
  type KernelManifest,
  loadCudaModule,
} from "@infernode/memory/cuda";
import { createCheckedPool } from "../../../../../../test/support/cuda/create-checked-pool.ts";
import { describeOnCuda } from "../../../../../../test/support/cuda/describe-on-cuda.ts";

/** What kernels read and write. */
export type Numbers =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | Int32Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** Blocks of a launch, and threads of each. */
export interface KernelGeometry {
  readonly grid:
    | readonly [x: number]
    | readonly [x: number, y: number]
    | readonly [x: number, y: number, z: number];
  readonly block: number | readonly [x: number, y: number];
  /** Dynamic shared memory. [0] */
  readonly sharedBytes?: number;
}

/** Kernels on a device, and arrays in its memory, each in an allocation of its own. */
export interface KernelDevice extends Disposable {
  /** Copies numbers to the device; returns their address. */
  put(numbers: Numbers): bigint;
  /** Copies what is at an address of `put` into an array, and returns the array. */
  get<T extends Numbers>(address: bigint, into: T): T;
  launch(kernel: string, geometry: KernelGeometry, ...args: readonly (number | bigint)[]): void;
}

/** Describes kernels of modules, of which the first one is the subject; each test opens a device of its own. */
export function describeKernels(
  manifests: readonly [KernelManifest, ...KernelManifest[]],
  define: (open: () => KernelDevice) => void,
): void {
  const modules = manifests.map((manifest) => {
    const image = readFileSync(new URL(`../../../../ptx/${manifest.module}.ptx`, import.meta.url), "utf8");
    return { manifest, image };
  });
  const ptx = modules.map(({ image }) => image);
  describeOnCuda(manifests[0].module, { ptx }, ({ driver }) => {
    define(() => openKernels(driver, modules));
  });
}

function openKernels(
  driver: CudaDriver,
  modules: readonly { readonly manifest: KernelManifest; readonly image: string }[],
): KernelDevice {
  const device = createCudaDevice({ driver });
  const pool = createCheckedPool(device);
  const loaded = modules.map((module) => loadCudaModule(device, module));
  const blocks = new Map<bigint, CudaMemoryBlock>();
  const bytesOf = (numbers: Numbers): Uint8Array =>
    new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  return {
    put(numbers) {
      const tag = { model: "test", purpose: "workspace" } as const;
      const block = pool.allocate({ sizeBytes: Math.max(1, numbers.byteLength), tag });
      device.copyToDevice(block, bytesOf(numbers));
      blocks.set(block.devicePointer, block);
      return block.devicePointer;
    },
    get(address, into) {
      device.copyToHost(bytesOf(into), blocks.get(address)!);
      return into;
    },
    launch(kernel, { grid, block, sharedBytes = 0 }, ...args) {
      const at = modules.findIndex(({ manifest }) => kernel in manifest.entries);
      if (at === -1) throw new Error(`expected a kernel of the modules, got ${kernel}`);
      loaded[at]!.function(kernel).launch({ grid, block, dynamicSharedBytes: sharedBytes }, ...args);
    },
    [Symbol.dispose]() {
      for (const block of blocks.values()) block.dispose();
      for (const module of loaded) module.dispose();
      pool.dispose();
      device.dispose();
    },
  };
}
