import { assertDevice, invalidArgument } from "../../assert-argument.ts";
import { createArgumentBlock } from "./argument-block.ts";
import type { CudaContext } from "../device/cuda-context.ts";
import type { CudaDevice } from "../device/cuda-device.ts";
import type { CudaStream } from "../device/cuda-stream.ts";
import { functionAttribute } from "../driver/cuda-functions.ts";
import type { KernelArguments, KernelEntry } from "./kernel-manifest.ts";

/** Sizes in x, y and z; what is left out is 1. */
export type LaunchSize =
  | number
  | readonly [x: number]
  | readonly [x: number, y: number]
  | readonly [x: number, y: number, z: number];

export interface LaunchOptions {
  /** Blocks of the grid, each size 1 or more. */
  readonly grid: LaunchSize;
  /** Threads of a block. */
  readonly block: LaunchSize;
  /** [0] */
  readonly dynamicSharedBytes?: number;
  /** [the default stream] */
  readonly stream?: CudaStream | undefined;
}

/** What the driver made of a kernel on this device. */
export interface CudaFunctionAttributes {
  readonly registerCount: number;
  /** Bytes of local memory of a thread: spilled registers and arrays. */
  readonly localBytes: number;
  readonly staticSharedBytes: number;
  readonly maxThreadsPerBlock: number;
}

/** A kernel of a loaded module. */
export interface CudaFunction<Entry extends KernelEntry = KernelEntry> {
  readonly name: string;
  /**
   * Queues the kernel on a stream. A kernel that fails makes later calls fail, with `CudaError.isSticky`.
   * @throws MemoryError `INVALID_ARGUMENT` for sizes or arguments that the kernel does not take, `WRONG_DEVICE`,
   * `CUDA_HANDLE_DISPOSED` after the module was disposed; CudaError `CUDA_ERROR`
   */
  launch(options: LaunchOptions, ...args: KernelArguments<Entry>): void;
  /** @throws MemoryError `CUDA_HANDLE_DISPOSED`; CudaError `CUDA_ERROR` */
  attributes(): CudaFunctionAttributes;
}

/** What a function needs of the module that it belongs to. */
export interface FunctionOwner {
  readonly device: CudaDevice;
  readonly context: CudaContext;
  /** @throws MemoryError `CUDA_HANDLE_DISPOSED` */
  assertLive(): void;
}

const maxGridX = 2 ** 31 - 1;
const maxGridYz = 65_535;
/** What every kernel may use without opting in, static and dynamic together. */
const plainSharedBytes = 48 * 1024;

/** Creates the function for a kernel's handle, and loads the kernel. @throws CudaError `CUDA_ERROR` */
export function createCudaFunction<Entry extends KernelEntry>(
  owner: FunctionOwner,
  handle: bigint,
  { name, entry }: { readonly name: string; readonly entry: Entry },
): CudaFunction<Entry> {
  const { device, context } = owner;
  const { driver, deviceId } = context;
  const { functions } = driver;
  const block = createArgumentBlock(name, entry.parameters);
  const read = (attribute: number): number =>
    driver.readInt32((out) => functions.cuFuncGetAttribute(out, attribute, handle), "cuFuncGetAttribute");
  // Drivers load a kernel when it is first needed (CUDA_MODULE_LOADING is LAZY by default since CUDA 12.2), and a recording
  // is too late for that: it takes device memory, and may wait for the device. Reading an attribute loads it.
  const registerCount = read(functionAttribute.registerCount);
  const maxDynamicBytes = device.attributes.optInSharedBytesPerBlock - entry.staticSharedBytes;
  let allowedDynamicBytes = plainSharedBytes - entry.staticSharedBytes;

  const size = (what: "grid" | "block", sizes: LaunchSize, axis: number): number => {
    const value = typeof sizes === "number" ? (axis === 0 ? sizes : 1) : (sizes[axis] ?? 1);
    const limit = what === "block" ? entry.maxThreads : axis === 0 ? maxGridX : maxGridYz;
    if (Number.isInteger(value) && value >= 1 && value <= limit) return value;
    throw invalidArgument(`${name}: ${what}.${"xyz".charAt(axis)}`, `an integer from 1 to ${limit}`, value);
  };
  /** Raises the kernel's limit of dynamic shared memory where a launch needs more than all kernels may use. */
  const allowShared = (bytes: number): void => {
    if (!entry.usesDynamicShared && bytes !== 0) {
      throw invalidArgument(`${name}: dynamicSharedBytes`, "0, as the kernel uses none", bytes);
    }
    if (!Number.isInteger(bytes) || bytes < 0 || bytes > maxDynamicBytes) {
      throw invalidArgument(`${name}: dynamicSharedBytes`, `an integer from 0 to ${maxDynamicBytes}`, bytes);
    }
    if (bytes <= allowedDynamicBytes) return;
    const attribute = functionAttribute.maxDynamicSharedBytes;
    driver.check(functions.cuFuncSetAttribute(handle, attribute, bytes), "cuFuncSetAttribute");
    allowedDynamicBytes = bytes;
  };

  return {
    name,
    launch({ grid, block: threads, dynamicSharedBytes = 0, stream }, ...args) {
      owner.assertLive();
      const [x, y, z] = [size("block", threads, 0), size("block", threads, 1), size("block", threads, 2)];
      if (x * y * z > entry.maxThreads) {
        throw invalidArgument(`${name}: block`, `at most ${entry.maxThreads} threads`, x * y * z);
      }
      const [gridX, gridY, gridZ] = [size("grid", grid, 0), size("grid", grid, 1), size("grid", grid, 2)];
      if (stream !== undefined) assertDevice("a stream", stream, deviceId);
      const queue = stream === undefined ? 0n : stream.handle;
      block.write(args);
      context.makeCurrent();
      allowShared(dynamicSharedBytes);
      driver.check(
        functions.cuLaunchKernel(
          handle,
          gridX,
          gridY,
          gridZ,
          x,
          y,
          z,
          dynamicSharedBytes,
          queue,
          block.pointers,
          null,
        ),
        "cuLaunchKernel",
      );
    },
    attributes() {
      owner.assertLive();
      context.makeCurrent();
      return {
        registerCount,
        localBytes: read(functionAttribute.localBytes),
        staticSharedBytes: read(functionAttribute.staticSharedBytes),
        maxThreadsPerBlock: read(functionAttribute.maxThreadsPerBlock),
      };
    },
  };
}
