import { CudaError } from "../driver/cuda-error.ts";
import {
  bindFunctions,
  type ForeignFunctions,
  loadForeignLibrary,
  readForeignString,
} from "../driver/foreign-library.ts";
import { cublasFunctions, cublasValues } from "./cublas-functions.ts";

/** A loaded cuBLASLt. */
export interface CublasLibrary {
  readonly path: string;
  /** Such as `13.1.0`. */
  readonly version: string;
  /** Unchecked: pass each status to `check`. */
  readonly functions: ForeignFunctions<typeof cublasFunctions>;
  /** @throws CudaError `CUBLAS_ERROR` with the library's name and text of the status */
  readonly check: (status: number, call: string) => void;
}

export interface CublasLibraryOptions {
  /** Names or paths to try in order. [the platform's] */
  readonly libraryPaths?: readonly string[] | undefined;
  /** [process.platform] */
  readonly platform?: NodeJS.Platform;
}

/** Returns the names of cuBLASLt on a platform, the newest first. */
export function cublasLibraryPaths(platform: NodeJS.Platform): readonly string[] {
  if (platform === "win32") return ["cublasLt64_13.dll", "cublasLt64_12.dll"];
  if (platform === "linux") return ["libcublasLt.so.13", "libcublasLt.so.12"];
  return [];
}

/**
 * Loads cuBLASLt, which is a part of the CUDA toolkit and not of the driver; says why there is none. It is not closed
 * again: its code stays in the process.
 */
export function openCublasLibrary(
  options: CublasLibraryOptions = {},
): CublasLibrary | { readonly reason: string } {
  const platform = options.platform ?? process.platform;
  const paths = options.libraryPaths ?? cublasLibraryPaths(platform);
  if (paths.length === 0) return { reason: `no cuBLASLt exists for ${platform}` };
  const library = loadForeignLibrary(paths);
  if ("reason" in library) return library;
  const { path, handle } = library;
  const { functions, missing } = bindFunctions(handle, cublasFunctions);
  if (missing.length > 0) return { reason: `${path} lacks ${missing.join(", ")}` };
  const readVersion = handle.func("cublasLtGetVersion", "size_t", []);
  const statusName = handle.func("cublasLtGetStatusName", "void *", ["int32"]);
  const statusText = handle.func("cublasLtGetStatusString", "void *", ["int32"]);
  return {
    path,
    version: formatVersion(Number(readVersion())),
    functions: functions as CublasLibrary["functions"],
    check(status, call) {
      if (status === cublasValues.CUBLAS_STATUS_SUCCESS) return;
      throw new CudaError({
        code: "CUBLAS_ERROR",
        call,
        status,
        statusName: readForeignString(statusName(status)) || String(status),
        text: readForeignString(statusText(status)) || "unknown status",
      });
    },
  };
}

/** 120903 is `12.9.3`. */
function formatVersion(version: number): string {
  return [Math.floor(version / 10_000), Math.floor(version / 100) % 100, version % 100].join(".");
}
