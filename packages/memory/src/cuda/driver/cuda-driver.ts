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
import {
  bindFunctions,
  type ForeignFunctions,
  loadForeignLibrary,
  readForeignString,
} from "./foreign-library.ts";

export type CudaFunctions = ForeignFunctions<typeof cudaFunctions>;
export type CudaOptionalFunctions = Partial<ForeignFunctions<typeof cudaOptionalFunctions>>;

/** The initialized CUDA driver of this machine. One per process is enough; more are harmless. */
export interface CudaDriver {
  readonly path: string;
  /** The newest CUDA version that the driver supports, such as `13.0`. */
  readonly cudaVersion: string;
  readonly deviceCount: number;
  /** Unchecked: pass each status to `check`. */
  readonly functions: CudaFunctions;
  readonly optional: CudaOptionalFunctions;
  /** @throws CudaError `CUDA_ERROR` with CUDA's name and text of the status */
  check(status: number, call: string): void;
  /** Creates the error that `check` throws. */
  errorOf(status: number, call: string): CudaError;
  /** Returns whether work is done: false for `CUDA_ERROR_NOT_READY`. @throws CudaError `CUDA_ERROR` */
  checkReady(status: number, call: string): boolean;
  /** Makes a context current in the calling thread. */
  setCurrent(context: bigint): void;
  /** Calls a function that writes one number through a pointer; returns the number. */
  readUint64(write: (out: BigUint64Array) => number, call: string): bigint;
  readInt32(write: (out: Int32Array) => number, call: string): number;
}

export interface CudaDriverOptions {
  /** Names or paths to try in order. [the platform's] */
  readonly libraryPaths?: readonly string[];
  /** [process.platform] */
  readonly platform?: NodeJS.Platform;
  /** Says what hides devices. [process.env] */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Returns the names and paths of the driver's library on a platform. */
export function cudaLibraryPaths(platform: NodeJS.Platform): readonly string[] {
  if (platform === "win32") return ["nvcuda.dll"];
  if (platform === "linux") {
    return ["libcuda.so.1", "/usr/local/nvidia/lib64/libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"];
  }
  return [];
}

/** Where to look when a driver shows no device. */
function hiddenBy({ CUDA_VISIBLE_DEVICES: visible }: NonNullable<CudaDriverOptions["environment"]>): string {
  if (visible !== undefined) return `CUDA_VISIBLE_DEVICES is ${JSON.stringify(visible)}`;
  return "a container has the GPUs that it is started with, as by --gpus all; one in MIG mode is used through instances only";
}

/**
 * Loads and initializes the driver.
 * @throws MemoryError `CUDA_UNAVAILABLE` without a driver, with one that lacks a required function, and where
 * there is no GPU or `CUDA_VISIBLE_DEVICES` hides all
 * @throws CudaError `CUDA_ERROR` when it fails to initialize
 */
export function loadCudaDriver(options: CudaDriverOptions = {}): CudaDriver {
  const platform = options.platform ?? process.platform;
  const paths = options.libraryPaths ?? cudaLibraryPaths(platform);
  if (paths.length === 0) {
    throw new MemoryError("CUDA_UNAVAILABLE", `no CUDA driver exists for ${platform}`);
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
      text: describe(functions.cuGetErrorString, status) || "unknown status",
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
    const why = `${cause.message}; ${hiddenBy(options.environment ?? process.env)}`;
    throw new MemoryError("CUDA_UNAVAILABLE", `no device is visible to the driver: ${why}`, { cause });
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
      // Another library may have changed it in this thread; a query would cost as much as setting it.
      check(functions.cuCtxSetCurrent(context), "cuCtxSetCurrent");
    },
    readUint64,
    readInt32,
  };
}
