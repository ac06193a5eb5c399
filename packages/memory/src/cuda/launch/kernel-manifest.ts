/** The types that a kernel's parameters can have; `address` is a device pointer, and 0 is a null pointer. */
export type KernelArgumentType = "address" | "int32" | "uint32" | "int64" | "float32";

/** One kernel of a module. */
export interface KernelEntry {
  /** Name and type of each parameter, in order. */
  readonly parameters: readonly (readonly [name: string, type: KernelArgumentType])[];
  /** The most threads of a block that the kernel was compiled for. */
  readonly maxThreads: number;
  readonly staticSharedBytes: number;
  readonly usesDynamicShared: boolean;
}

/** What is known of a module without loading it; `tools/kernels/build.mjs` writes it next to the PTX. */
export interface KernelManifest {
  readonly module: string;
  readonly entries: Readonly<Record<string, KernelEntry>>;
}

interface ValueOf {
  readonly address: bigint;
  readonly int32: number;
  readonly uint32: number;
  readonly int64: number | bigint;
  readonly float32: number;
}

type ArgumentsOf<Parameters extends KernelEntry["parameters"]> = {
  readonly [Index in keyof Parameters]: ValueOf[Parameters[Index][1]];
};

/** The arguments of a launch, in the order of the parameters. */
export type KernelArguments<Entry extends KernelEntry> = ArgumentsOf<Entry["parameters"]>;

export type KernelName<Manifest extends KernelManifest> = keyof Manifest["entries"] & string;
