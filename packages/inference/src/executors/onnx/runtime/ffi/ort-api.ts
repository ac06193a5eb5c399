import koffi, { type LibraryHandle } from "koffi";
import { InferenceError } from "../../../../errors.ts";
import { telemetrySwitch } from "../disable-telemetry.ts";
import { setNativeVariable } from "./native-environment.ts";
import { ensureStack, minimumStackBytes } from "./process-library.ts";

/** An address in this process; 0n is null. */
export type Pointer = bigint;

/** An `OrtStatus`; null is success. */
export type Status = Pointer | null;
type AsyncCallback<T> = (error: unknown, result: T) => void;

/** A native function; `async` runs it on a thread of libuv's pool. */
interface NativeFunction<Args extends unknown[], Result> {
  (...args: Args): Result;
  async(...args: [...Args, AsyncCallback<Result>]): void;
}

/** The functions of `OrtApi` that are used. Those that return a status are checked by `OrtApi.check`. */
export interface OrtFunctions {
  readonly GetErrorMessage: NativeFunction<[Pointer], string>;
  readonly CreateEnv: NativeFunction<[number, string, Uint8Array], Status>;
  readonly CreateSessionFromArray: NativeFunction<[Pointer, Uint8Array, number, Pointer, Uint8Array], Status>;
  readonly CreateSessionOptions: NativeFunction<[Uint8Array], Status>;
  readonly SetOptimizedModelFilePath: NativeFunction<[Pointer, string], Status>;
  readonly DisableTelemetryEvents: NativeFunction<[Pointer], Status>;
  readonly DisableMemPattern: NativeFunction<[Pointer], Status>;
  readonly SetSessionGraphOptimizationLevel: NativeFunction<[Pointer, number], Status>;
  readonly SetIntraOpNumThreads: NativeFunction<[Pointer, number], Status>;
  readonly CreateTensorWithDataAsOrtValue: NativeFunction<
    [Pointer, Uint8Array | null, number, BigInt64Array, number, number, Uint8Array],
    Status
  >;
  readonly CreateCpuMemoryInfo: NativeFunction<[number, number, Uint8Array], Status>;
  readonly ReleaseEnv: NativeFunction<[Pointer], void>;
  readonly ReleaseStatus: NativeFunction<[Pointer], void>;
  readonly ReleaseMemoryInfo: NativeFunction<[Pointer], void>;
  readonly ReleaseSession: NativeFunction<[Pointer], void>;
  readonly ReleaseValue: NativeFunction<[Pointer], void>;
  readonly ReleaseSessionOptions: NativeFunction<[Pointer], void>;
  readonly AddSessionConfigEntry: NativeFunction<[Pointer, string, string], Status>;
  readonly RunWithBinding: NativeFunction<[Pointer, null, Pointer], Status>;
  readonly CreateIoBinding: NativeFunction<[Pointer, Uint8Array], Status>;
  readonly ReleaseIoBinding: NativeFunction<[Pointer], void>;
  readonly BindInput: NativeFunction<[Pointer, string, Pointer], Status>;
  readonly BindOutput: NativeFunction<[Pointer, string, Pointer], Status>;
}

type Signature = readonly [index: number, result: string, parameters: readonly string[]];

const ptr = "void *";

/**
 * Index in the function table, result and parameters of each function. The table only grows at its end; the indices
 * are those in the header of the versions below.
 *
 * @see https://github.com/microsoft/onnxruntime/blob/main/include/onnxruntime/core/session/onnxruntime_c_api.h
 */
const signatures: { readonly [Name in keyof OrtFunctions]: Signature } = {
  GetErrorMessage: [2, "str", [ptr]],
  CreateEnv: [3, ptr, ["int", "str", ptr]],
  DisableTelemetryEvents: [6, ptr, [ptr]],
  CreateSessionFromArray: [8, ptr, [ptr, ptr, "size_t", ptr, ptr]],
  CreateSessionOptions: [10, ptr, [ptr]],
  SetOptimizedModelFilePath: [11, ptr, [ptr, process.platform === "win32" ? "str16" : "str"]],
  DisableMemPattern: [17, ptr, [ptr]],
  SetSessionGraphOptimizationLevel: [23, ptr, [ptr, "int"]],
  SetIntraOpNumThreads: [24, ptr, [ptr, "int"]],
  CreateTensorWithDataAsOrtValue: [49, ptr, [ptr, ptr, "size_t", ptr, "size_t", "int", ptr]],
  CreateCpuMemoryInfo: [69, ptr, ["int", "int", ptr]],
  ReleaseEnv: [92, "void", [ptr]],
  ReleaseStatus: [93, "void", [ptr]],
  ReleaseMemoryInfo: [94, "void", [ptr]],
  ReleaseSession: [95, "void", [ptr]],
  ReleaseValue: [96, "void", [ptr]],
  ReleaseSessionOptions: [100, "void", [ptr]],
  AddSessionConfigEntry: [130, ptr, [ptr, "str", "str"]],
  RunWithBinding: [133, ptr, [ptr, ptr, ptr]],
  CreateIoBinding: [134, ptr, [ptr, ptr]],
  ReleaseIoBinding: [135, "void", [ptr]],
  BindInput: [136, ptr, [ptr, "str", ptr]],
  BindOutput: [137, ptr, [ptr, "str", ptr]],
};

/** The lowest API version that has all functions above. */
const apiVersion = 16;
/** Versions of the library whose table was checked against the header. */
const knownVersions: RegExp = /^1\.30\.\d+$/;
/** The C API of one loaded library. */
export interface OrtApi {
  readonly version: string;
  readonly functions: OrtFunctions;
  /** Throws for a status that is not null, with its message, and releases it. */
  readonly check: (status: Status, doing: string) => void;
}

/**
 * Libraries by path, loaded until the process exits: the only state of a module in this package. koffi unloads a
 * library when its handle is collected, functions taken from a table do not hold the handle, and the runtime cannot be
 * unloaded safely from threads that ran it. koffi never frees a function's type either.
 */
const loadedApis: Map<string, OrtApi & { readonly library: LibraryHandle }> = new Map();

/** Loads the library and its function table, once per process, or returns why that is not safe. */
export function loadOrtApi(libraryPath: string): OrtApi | { readonly reason: string } {
  const loaded = loadedApis.get(libraryPath);
  if (loaded !== undefined) return loaded;
  const stackBytes = ensureStack();
  if (stackBytes < minimumStackBytes) {
    const advice = "call koffi.config({ async_stack_size }) before the first library is loaded";
    return {
      reason: `expected a stack of at least ${minimumStackBytes} bytes for native calls, got ${stackBytes} from koffi (${advice})`,
    };
  }
  setNativeVariable(telemetrySwitch, "1");
  const library = koffi.load(libraryPath);
  const base: Pointer = library.func("OrtGetApiBase", ptr, [])();
  const getApi = functionAt(base, [0, ptr, ["uint32_t"]]);
  const getVersion = functionAt(base, [1, "str", []]);
  const version = String(getVersion());
  if (!knownVersions.test(version)) {
    return { reason: `expected onnxruntime 1.30, whose function table is known, got ${version}` };
  }
  const table = getApi(apiVersion) as Status;
  if (!table) return { reason: `onnxruntime ${version} does not have version ${apiVersion} of its API` };
  const entries = Object.entries(signatures).map(([name, signature]) => [name, functionAt(table, signature)]);
  const functions = Object.fromEntries(entries) as OrtFunctions;
  const check = (status: Status, doing: string): void => checkStatus(functions, status, doing);
  loadedApis.set(libraryPath, { version, functions, check, library });
  return { version, functions, check };
}

function checkStatus(functions: OrtFunctions, status: Status, doing: string): void {
  if (!status) return;
  const message = functions.GetErrorMessage(status);
  functions.ReleaseStatus(status);
  throw new InferenceError("EXECUTOR_FAILED", `onnxruntime failed to ${doing}: ${message}`);
}

function functionAt(table: Pointer, [index, result, parameters]: Signature): (...args: unknown[]) => unknown {
  const address: unknown = koffi.decode(table, index * koffi.sizeof(ptr), ptr);
  return koffi.decode(address, koffi.proto(result, [...parameters]));
}
