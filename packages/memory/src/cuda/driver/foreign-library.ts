import koffi from "koffi";
import { messageOf } from "../../errors.ts";

/** The C types of the driver and NVML functions; `address` is a device pointer or a handle as a number. */
export type ForeignType = "int32" | "uint32" | "uint64" | "size" | "address" | "pointer";

type ForeignArgument<Type> = Type extends "int32" | "uint32"
  ? number
  : Type extends "pointer"
    ? ArrayBufferView | ArrayBuffer | bigint | null
    : number | bigint;

/** Functions by name with the types of their arguments; all return a 32-bit status. */
export type Signatures = Readonly<Record<string, readonly ForeignType[]>>;

type ForeignFunction<Types extends readonly ForeignType[]> = {
  (...args: { -readonly [Index in keyof Types]: ForeignArgument<Types[Index]> }): number;
  /** Runs on libuv's thread pool. */
  async(
    ...args: [
      ...{ -readonly [Index in keyof Types]: ForeignArgument<Types[Index]> },
      (error: Error | null, status: number) => void,
    ]
  ): void;
};

export type ForeignFunctions<Table extends Signatures> = {
  readonly [Name in keyof Table]: ForeignFunction<Table[Name]>;
};

const koffiTypes: Readonly<Record<ForeignType, string>> = {
  int32: "int32",
  uint32: "uint32",
  uint64: "uint64",
  size: "size_t",
  address: "uint64",
  pointer: "void *",
};

/** A loaded shared library, or why none was loaded. */
export type LoadedLibrary =
  | { readonly path: string; readonly handle: ReturnType<typeof koffi.load> }
  | { readonly reason: string };

/** The onnx executor configures koffi with the same two numbers, so that the order of the two does not matter. */
const stackBytes = 8 * 2 ** 20;
const minimumStackBytes = 2 ** 20;

/** koffi fixes the stack of asynchronous calls when it loads the first library, which may be this one. */
function ensureStack(): void {
  if ((koffi.config().async_stack_size ?? 0) >= minimumStackBytes) return;
  try {
    koffi.config({ async_stack_size: stackBytes });
  } catch {
    // Another library was loaded first; driver calls need no more than koffi's default.
  }
}

/** Loads the first of several names that exists. */
export function loadForeignLibrary(paths: readonly string[]): LoadedLibrary {
  ensureStack();
  const reasons: string[] = [];
  for (const path of paths) {
    try {
      return { path, handle: koffi.load(path) };
    } catch (error) {
      reasons.push(`${path}: ${messageOf(error)}`);
    }
  }
  return { reason: reasons[0] ?? "expected a library name, got none" };
}

/** Binds every function of the table that the library exports; `missing` has the others. */
export function bindFunctions<Table extends Signatures>(
  handle: ReturnType<typeof koffi.load>,
  table: Table,
): { readonly functions: Partial<ForeignFunctions<Table>>; readonly missing: readonly string[] } {
  const functions: Record<string, unknown> = {};
  const missing: string[] = [];
  for (const [name, types] of Object.entries(table)) {
    try {
      functions[name] = handle.func(
        name,
        "int32",
        types.map((type) => koffiTypes[type]),
      );
    } catch {
      missing.push(name);
    }
  }
  return { functions: functions as Partial<ForeignFunctions<Table>>, missing };
}

/** A function that can run on another thread. */
export interface AsyncForeignFunction<Args extends readonly unknown[]> {
  async(...args: [...Args, (error: Error | null, status: number) => void]): void;
}

/** Calls a function on another thread; keeps buffers among the arguments alive until it has run. */
export function callForeignAsync<Args extends readonly unknown[]>(
  callee: AsyncForeignFunction<Args>,
  ...args: Args
): Promise<number> {
  return new Promise((resolve, reject) => {
    // The callback references the arguments, which keeps their memory alive.
    callee.async(...args, (error, status) => {
      if (error === null && args.length >= 0) resolve(status);
      else reject(error ?? new Error("expected a status of the call, got none"));
    });
  });
}

/** Reads a zero-terminated string in the library's memory. */
export function readForeignString(address: bigint): string {
  return address === 0n ? "" : koffi.decode.string(address);
}

/** Creates a view of the library's memory, without a copy. */
export function viewForeignMemory(address: bigint, sizeBytes: number): ArrayBuffer {
  return koffi.view(address, sizeBytes);
}

/** Returns the native address of a buffer, which is fixed as long as the buffer is reachable. */
export function addressOfBuffer(buffer: ArrayBuffer): bigint {
  return koffi.address(buffer);
}
