import koffi from "koffi";

/** The C types that the driver and NVML functions need; `address` is a device pointer or a handle as a number. */
export type ForeignType = "int32" | "uint32" | "uint64" | "size" | "address" | "pointer";

type ForeignArgument<Type> = Type extends "int32" | "uint32"
  ? number
  : Type extends "pointer"
    ? ArrayBufferView | ArrayBuffer | bigint | null
    : number | bigint;

/** Functions by name with the types of their arguments; each returns a 32-bit status. */
export type Signatures = Readonly<Record<string, readonly ForeignType[]>>;

type ForeignFunction<Types extends readonly ForeignType[]> = {
  (...args: { -readonly [Index in keyof Types]: ForeignArgument<Types[Index]> }): number;
  /** Runs on a thread of libuv's pool. */
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

/** A loaded shared library, or why none of the names could be loaded. */
export type LoadedLibrary =
  | { readonly path: string; readonly handle: ReturnType<typeof koffi.load> }
  | { readonly reason: string };

/** The executor for onnxruntime sets up koffi by the same two numbers, so that it does not matter which of the two is first. */
const wantedStackBytes = 8 * 2 ** 20;
const minimumStackBytes = 2 ** 20;

/** koffi's stack for asynchronous calls is fixed by the first library that is loaded, and that may be ours. */
function ensureStack(): void {
  if ((koffi.config().async_stack_size ?? 0) >= minimumStackBytes) return;
  try {
    koffi.config({ async_stack_size: wantedStackBytes });
  } catch {
    // Another library was loaded first; the driver's own calls need no more than koffi's default.
  }
}

/** Loads the first of several names that the system knows. */
export function loadForeignLibrary(paths: readonly string[]): LoadedLibrary {
  ensureStack();
  const reasons: string[] = [];
  for (const path of paths) {
    try {
      return { path, handle: koffi.load(path) };
    } catch (error) {
      reasons.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { reason: reasons[0] ?? "no library name was given" };
}

/** Binds every function of the table that the library has; the others are named in `missing`. */
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

/** The half of a function that runs on another thread. */
export interface AsyncForeignFunction<Args extends readonly unknown[]> {
  async(...args: [...Args, (error: Error | null, status: number) => void]): void;
}

/** Calls a function on another thread; buffers among the arguments live until it has run. */
export function callForeignAsync<Args extends readonly unknown[]>(
  callee: AsyncForeignFunction<Args>,
  ...args: Args
): Promise<number> {
  return new Promise((resolve, reject) => {
    // The callback names the arguments: that is what keeps the collector from their memory.
    callee.async(...args, (error, status) => {
      if (error === null && args.length >= 0) resolve(status);
      else reject(error ?? new Error("the call did not run"));
    });
  });
}

/** Reads a zero-terminated string at an address of the library's own memory. */
export function readForeignString(address: bigint): string {
  return address === 0n ? "" : koffi.decode.string(address);
}

/** A view of memory that belongs to the library; the bytes stay where they are. */
export function viewForeignMemory(address: bigint, sizeBytes: number): ArrayBuffer {
  return koffi.view(address, sizeBytes);
}
