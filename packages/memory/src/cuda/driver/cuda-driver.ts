import { MemoryError } from "../../errors.ts";
import { CudaError } from "./cuda-error.ts";
import {
  cudaErrorNoDevice,
  cudaErrorNotReady,
  cudaFunctions,
  cudaOptionalFunctions,
  cudaSuccess,
} from "./cuda-functions.ts";
import { formatCudaVersion } from "./decode.ts";
import { bindFunctions, loadForeignLibrary, readForeignString } from "./foreign-library.ts";
import type { ForeignFunctions } from "./foreign-library.ts";

export type CudaFunctions = ForeignFunctions<typeof cudaFunctions>;
export type CudaOptionalFunctions = Partial<ForeignFunctions<typeof cudaOptionalFunctions>>;

/** The CUDA driver of this machine, initialised. One per process is enough; more are harmless. */
export interface CudaDriver {
  readonly path: string;
  /** The newest CUDA version that the driver serves, such as `13.0`. */
  readonly cudaVersion: string;
  readonly deviceCount: number;
  /** Unchecked; give each status to `check`. */
  readonly functions: CudaFunctions;
  readonly optional: CudaOptionalFunctions;
  /** @throws CudaError `CUDA_ERROR` with CUDA's own name and text */
  check(status: number, call: string): void;
  /** The error that `check` would throw. */
  errorOf(status: number, call: string): CudaError;
  /** Answers whether work is done: false for not ready. @throws CudaError `CUDA_ERROR` */
  checkReady(status: number, call: string): boolean;
  /** Makes the device's context the calling thread's, if it is not. */
  setCurrent(context: bigint): void;
  /** Reads one number that a function writes through a pointer. */
  readUint64(write: (out: BigUint64Array) => number, call: string): bigint;
  readInt32(write: (out: Int32Array) => number, call: string): number;
}

export interface CudaDriverOptions {
  /** Names or paths to try in order. [the platform's] */
  readonly libraryPaths?: readonly string[];
  /** [process.platform] */
  readonly platform?: NodeJS.Platform;
}

/** Where the driver's library is, by platform. */
export function cudaLibraryPaths(platform: NodeJS.Platform): readonly string[] {
  if (platform === "win32") return ["nvcuda.dll"];
  if (platform === "linux") {
    return ["libcuda.so.1", "/usr/local/nvidia/lib64/libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"];
  }
  return [];
}

/**
 * Loads and initialises the driver.
 * @throws MemoryError `CUDA_UNAVAILABLE` without a driver, with one that lacks a needed function, and where
 * there is no GPU or `CUDA_VISIBLE_DEVICES` shows none
 * @throws CudaError `CUDA_ERROR` when it does not initialise
 */
export function loadCudaDriver(options: CudaDriverOptions = {}): CudaDriver {
  const platform = options.platform ?? process.platform;
  const paths = options.libraryPaths ?? cudaLibraryPaths(platform);
  if (paths.length === 0) {
    throw new MemoryError("CUDA_UNAVAILABLE", `there is no CUDA driver for ${platform}`);
  }
  const library = loadForeignLibrary(paths);
  if ("reason" in library) {
    throw new MemoryError("CUDA_UNAVAILABLE", `no NVIDIA driver: ${library.reason}`);
  }
  const { functions: bound, missing } = bindFunctions(library.handle, cudaFunctions);
  if (missing.length > 0) {
    throw new MemoryError("CUDA_UNAVAILABLE", `the driver at ${library.path} lacks ${missing.join(", ")}`);
  }
  const functions = bound as CudaFunctions;
  const optional = bindFunctions(library.handle, cudaOptionalFunctions).functions;
  const wide = new BigUint64Array(1);
  const narrow = new Int32Array(1);

  const describe = (read: (status: number, out: BigUint64Array) => number, status: number): string => {
    const out = new BigUint64Array(1);
    return read(status, out) === cudaSuccess ? readForeignString(out[0] ?? 0n) : "";
  };
  const errorOf = (status: number, call: string): CudaError =>
    new CudaError({
      code: "CUDA_ERROR",
      call,
      status,
      statusName: describe(functions.cuGetErrorName, status) || String(status),
      text: describe(functions.cuGetErrorString, status) || "a status that the driver has no text for",
    });
  const check = (status: number, call: string): void => {
    if (status !== cudaSuccess) throw errorOf(status, call);
  };
  const readUint64 = (write: (out: BigUint64Array) => number, call: string): bigint => {
    wide[0] = 0n;
    check(write(wide), call);
    return wide[0];
  };
  const readInt32 = (write: (out: Int32Array) => number, call: string): number => {
    narrow[0] = 0;
    check(write(narrow), call);
    return narrow[0];
  };

  const initialized = functions.cuInit(0);
  if (initialized === cudaErrorNoDevice) {
    const cause = errorOf(initialized, "cuInit");
    throw new MemoryError("CUDA_UNAVAILABLE", `the driver shows no device: ${cause.message}`, { cause });
  }
  check(initialized, "cuInit");
  const version = readInt32((out) => functions.cuDriverGetVersion(out), "cuDriverGetVersion");
  return {
    path: library.path,
    cudaVersion: formatCudaVersion(version),
    deviceCount: readInt32((out) => functions.cuDeviceGetCount(out), "cuDeviceGetCount"),
    functions,
    optional,
    check,
    errorOf,
    checkReady(status, call) {
      if (status === cudaErrorNotReady) return false;
      check(status, call);
      return true;
    },
    setCurrent(context) {
      // Another library in this thread may have changed it: asking costs as much as setting.
      check(functions.cuCtxSetCurrent(context), "cuCtxSetCurrent");
    },
    readUint64,
    readInt32,
  };
}
