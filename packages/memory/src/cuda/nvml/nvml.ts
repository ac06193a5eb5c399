import { MemoryError } from "../../errors.ts";
import { CudaError } from "../driver/cuda-error.ts";
import {
  type AsyncForeignFunction,
  bindFunctions,
  callForeignAsync,
  type ForeignFunctions,
  loadForeignLibrary,
  readForeignString,
} from "../driver/foreign-library.ts";
import {
  nvmlErrorFunctionNotFound,
  nvmlErrorInsufficientSize,
  nvmlErrorNoData,
  nvmlErrorNoPermission,
  nvmlErrorNotFound,
  nvmlErrorNotReady,
  nvmlErrorNotSupported,
  nvmlFunctions,
  nvmlOptionalFunctions,
  nvmlSuccess,
} from "./nvml-functions.ts";

/** Statuses for a value that is not available on this device, to this user, or now. */
const unavailableStatuses: ReadonlySet<number> = new Set([
  nvmlErrorNotSupported,
  nvmlErrorNoPermission,
  nvmlErrorNotFound,
  nvmlErrorFunctionNotFound,
  nvmlErrorNoData,
  nvmlErrorNotReady,
]);

type RequiredFunctions = ForeignFunctions<typeof nvmlFunctions>;
type AllFunctions = RequiredFunctions & ForeignFunctions<typeof nvmlOptionalFunctions>;

/** The initialized NVML. All calls run on another thread: some take milliseconds. */
export interface Nvml extends AsyncDisposable {
  readonly path: string;
  /** Calls a function that must succeed. @throws CudaError `NVML_ERROR` with NVML's text of the status */
  call<Name extends keyof RequiredFunctions>(
    name: Name,
    ...args: Parameters<RequiredFunctions[Name]>
  ): Promise<void>;
  /**
   * Calls a function whose value may be unavailable; returns whether there is one.
   * @throws CudaError `NVML_ERROR`
   */
  query<Name extends keyof AllFunctions>(
    name: Name,
    ...args: Parameters<AllFunctions[Name]>
  ): Promise<boolean>;
  /** Reads a list of entries of unknown length; empty where it is unavailable. */
  readList(list: {
    readonly name: "nvmlDeviceGetComputeRunningProcesses_v3" | "nvmlDeviceGetGraphicsRunningProcesses_v3";
    readonly entryBytes: number;
    readonly device: bigint;
  }): Promise<readonly DataView[]>;
  /** Shuts NVML down; no call may be pending. */
  dispose(): Promise<void>;
}

export interface NvmlOptions {
  /** Names or paths to try in order. [the platform's] */
  readonly libraryPaths?: readonly string[];
  /** [process.platform] */
  readonly platform?: NodeJS.Platform;
}

/** Returns the names and paths of NVML on a platform. */
export function nvmlLibraryPaths(platform: NodeJS.Platform): readonly string[] {
  if (platform === "win32") return ["nvml.dll", "C:\\Program Files\\NVIDIA Corporation\\NVSMI\\nvml.dll"];
  if (platform === "linux") {
    const name = "libnvidia-ml.so.1";
    return [name, `/usr/local/nvidia/lib64/${name}`, `/usr/lib/wsl/lib/${name}`];
  }
  return [];
}

/**
 * Loads and initializes NVML.
 * @throws MemoryError `CUDA_UNAVAILABLE` where it is missing; CudaError `NVML_ERROR` when it fails to initialize
 */
export async function loadNvml(options: NvmlOptions = {}): Promise<Nvml> {
  const platform = options.platform ?? process.platform;
  const paths = options.libraryPaths ?? nvmlLibraryPaths(platform);
  if (paths.length === 0) throw new MemoryError("CUDA_UNAVAILABLE", `no NVML exists for ${platform}`);
  const library = loadForeignLibrary(paths);
  if ("reason" in library) throw new MemoryError("CUDA_UNAVAILABLE", `no NVML: ${library.reason}`);
  const { functions: bound, missing } = bindFunctions(library.handle, nvmlFunctions);
  if (missing.length > 0) {
    throw new MemoryError("CUDA_UNAVAILABLE", `NVML at ${library.path} lacks ${missing.join(", ")}`);
  }
  const functions = { ...bound, ...bindFunctions(library.handle, nvmlOptionalFunctions).functions };
  const errorString = library.handle.func("nvmlErrorString", "void *", ["int32"]);
  let isDisposed = false;

  const check = (status: number, call: string): void => {
    if (status === nvmlSuccess) return;
    const text = readForeignString(errorString(status)) || "unknown status";
    throw new CudaError({ code: "NVML_ERROR", call, status, statusName: text, text });
  };
  const hasValue = (status: number, call: string): boolean => {
    if (unavailableStatuses.has(status)) return false;
    check(status, call);
    return true;
  };
  /** The callers' types check the arguments; an optional function that is missing has its own status. */
  const callAsync = async (name: keyof AllFunctions, ...args: readonly unknown[]): Promise<number> => {
    const callee = functions[name] as AsyncForeignFunction<readonly unknown[]> | undefined;
    return callee === undefined ? nvmlErrorFunctionNotFound : callForeignAsync(callee, ...args);
  };
  const dispose = async (): Promise<void> => {
    if (isDisposed) return;
    check(await callAsync("nvmlShutdown"), "nvmlShutdown");
    isDisposed = true;
  };
  check(await callAsync("nvmlInit_v2"), "nvmlInit_v2");
  return {
    path: library.path,
    async call(name, ...args) {
      check(await callAsync(name, ...args), name);
    },
    query: async (name, ...args) => hasValue(await callAsync(name, ...args), name),
    async readList({ name, entryBytes, device }) {
      const count = new Uint32Array(1);
      for (let capacity = 64; ; capacity = Math.max(capacity * 2, count[0] ?? 0)) {
        const out = new Uint8Array(entryBytes * capacity);
        count[0] = capacity;
        const status = await callAsync(name, device, count, out);
        if (status === nvmlErrorInsufficientSize && capacity < 65_536) continue;
        if (!hasValue(status, name)) return [];
        return Array.from(
          { length: Math.min(count[0] ?? 0, capacity) },
          (_, index) => new DataView(out.buffer, index * entryBytes, entryBytes),
        );
      }
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
