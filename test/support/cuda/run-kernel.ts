import {
  createCudaDevice,
  type CudaDriver,
  type CudaFunction,
  type CudaMemoryBlock,
  type KernelManifest,
  type KernelName,
  type LaunchOptions,
  loadCudaModule,
} from "../../../packages/memory/src/cuda/index.ts";
import { createCheckedPool } from "./create-checked-pool.ts";

type NumberArray =
  | Float32Array
  | Int32Array
  | Uint32Array
  | BigUint64Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** An array that is in device memory while the kernel runs; `fresh` is not copied there before, only back. */
export type KernelArgument = number | bigint | NumberArray | { readonly fresh: NumberArray };

const bytesOf = (array: NumberArray): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/**
 * Runs a kernel of a module once: arrays are copied to device memory of their own, and back when it has run.
 * @throws CudaError `CUDA_ERROR` that says what the kernel did wrong
 */
export function runKernel<const Manifest extends KernelManifest>(
  driver: CudaDriver,
  module: { readonly image: string; readonly manifest: Manifest; readonly name: KernelName<Manifest> },
  { options, args }: { readonly options: LaunchOptions; readonly args: readonly KernelArgument[] },
): void {
  const device = createCudaDevice({ driver });
  const pool = createCheckedPool(device);
  const loaded = loadCudaModule(device, module);
  const kernel: CudaFunction = loaded.function(module.name);
  const arrays: { readonly array: NumberArray; readonly block: CudaMemoryBlock }[] = [];
  const values = args.map((argument) => {
    if (typeof argument !== "object") return argument;
    const array = "fresh" in argument ? argument.fresh : argument;
    const block = pool.allocate({
      sizeBytes: array.byteLength,
      tag: { model: "test", purpose: "workspace" },
    });
    if (!("fresh" in argument)) device.copyToDevice(block, bytesOf(array));
    arrays.push({ array, block });
    return block.devicePointer;
  });
  kernel.launch(options, ...(values as never[]));
  for (const { array, block } of arrays) {
    device.copyToHost(bytesOf(array), block);
    block.dispose();
  }
  loaded.dispose();
  pool.dispose();
  device.dispose();
}
