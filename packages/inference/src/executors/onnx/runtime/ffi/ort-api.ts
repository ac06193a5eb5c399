import koffi, { type LibraryHandle } from "koffi";
import { InferenceError } from "../../../../errors.ts";
import { TELEMETRY_SWITCH } from "../disable-telemetry.ts";
import { setNativeVariable } from "./native-environment.ts";
import { ensureStack, MINIMUM_STACK_BYTES } from "./native-stack.ts";

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

const PTR = "void *";

/**
 * Place in the function table, result and parameters of each function. The table only ever grows at
 * its end; these places are as in the header of the versions below.
 *
 * @see https://github.com/microsoft/onnxruntime/blob/main/include/onnxruntime/core/session/onnxruntime_c_api.h
 */
const SIGNATURES: { readonly [Name in keyof OrtFunctions]: Signature } = {
  GetErrorMessage: [2, "str", [PTR]],
  CreateEnv: [3, PTR, ["int", "str", PTR]],
  DisableTelemetryEvents: [6, PTR, [PTR]],
  CreateSessionFromArray: [8, PTR, [PTR, PTR, "size_t", PTR, PTR]],
  CreateSessionOptions: [10, PTR, [PTR]],
  DisableMemPattern: [17, PTR, [PTR]],
  SetSessionGraphOptimizationLevel: [23, PTR, [PTR, "int"]],
  SetIntraOpNumThreads: [24, PTR, [PTR, "int"]],
  CreateTensorWithDataAsOrtValue: [49, PTR, [PTR, PTR, "size_t", PTR, "size_t", "int", PTR]],
  CreateCpuMemoryInfo: [69, PTR, ["int", "int", PTR]],
  ReleaseEnv: [92, "void", [PTR]],
  ReleaseStatus: [93, "void", [PTR]],
  ReleaseMemoryInfo: [94, "void", [PTR]],
  ReleaseSession: [95, "void", [PTR]],
  ReleaseValue: [96, "void", [PTR]],
  ReleaseSessionOptions: [100, "void", [PTR]],
  AddSessionConfigEntry: [130, PTR, [PTR, "str", "str"]],
  RunWithBinding: [133, PTR, [PTR, PTR, PTR]],
  CreateIoBinding: [134, PTR, [PTR, PTR]],
  ReleaseIoBinding: [135, "void", [PTR]],
  BindInput: [136, PTR, [PTR, "str", PTR]],
  BindOutput: [137, PTR, [PTR, "str", PTR]],
};

/** The lowest API version that has all functions above. */
const API_VERSION = 16;
/** Versions of the library whose table was compared with the header. */
const KNOWN_VERSIONS: RegExp = /^1\.30\.\d+$/;
/** The C API of one loaded library. */
export interface OrtApi {
  readonly version: string;
  readonly functions: OrtFunctions;
  /** Throws for a status that is not null, with its message, and releases it. */
  readonly check: (status: Status, doing: string) => void;
}

/**
 * Libraries by path, held until the process ends. koffi unloads a library when its handle is collected,
 * and functions taken from a table do not hold the handle: the code would vanish below them. Nor is it
 * sound to unload the runtime from threads that have run it; and koffi never frees a function's type.
 * The one piece of state in a module here.
 */
const LOADED_APIS: Map<string, OrtApi & { readonly library: LibraryHandle }> = new Map();

/** Loads the library and its function table, once per process, or says why that would not be safe. */
export function loadOrtApi(libraryPath: string): OrtApi | { readonly reason: string } {
  const loaded = LOADED_APIS.get(libraryPath);
  if (loaded !== undefined) return loaded;
  const stackBytes = ensureStack();
  if (stackBytes < MINIMUM_STACK_BYTES) {
    return {
      reason:
        `native calls need a stack of ${MINIMUM_STACK_BYTES} bytes; koffi was set up with ${stackBytes} before ` +
        "(call koffi.config({ async_stack_size }) before the first library is loaded)",
    };
  }
  setNativeVariable(TELEMETRY_SWITCH, "1");
  const library = koffi.load(libraryPath);
  const base: Pointer = library.func("OrtGetApiBase", PTR, [])();
  const getApi = functionAt(base, [0, PTR, ["uint32_t"]]);
  const getVersion = functionAt(base, [1, "str", []]);
  const version = String(getVersion());
  if (!KNOWN_VERSIONS.test(version)) {
    return { reason: `the function table is known for onnxruntime 1.30; found ${version}` };
  }
  const table = getApi(API_VERSION) as Status;
  if (!table) return { reason: `onnxruntime ${version} does not offer version ${API_VERSION} of its API` };
  const entries = Object.entries(SIGNATURES).map(([name, signature]) => [name, functionAt(table, signature)]);
  const functions = Object.fromEntries(entries) as OrtFunctions;
  const check = (status: Status, doing: string): void => checkStatus(functions, status, doing);
  LOADED_APIS.set(libraryPath, { version, functions, check, library });
  return { version, functions, check };
}

function checkStatus(functions: OrtFunctions, status: Status, doing: string): void {
  if (!status) return;
  const message = functions.GetErrorMessage(status);
  functions.ReleaseStatus(status);
  throw new InferenceError("EXECUTOR_FAILED", `onnxruntime failed to ${doing}: ${message}`);
}

function functionAt(table: Pointer, [index, result, parameters]: Signature): (...args: unknown[]) => unknown {
  const address: unknown = koffi.decode(table, index * koffi.sizeof(PTR), PTR);
  return koffi.decode(address, koffi.proto(result, [...parameters]));
}
