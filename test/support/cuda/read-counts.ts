import { loadForeignLibrary } from "../../../packages/memory/src/cuda/driver/foreign-library.ts";

/** What an instruction of the PTX asked of memory. */
export interface AccessCounts {
  /** Line of the PTX. */
  readonly line: number;
  readonly opcode: string;
  readonly space: "global" | "shared";
  /** Instructions of a warp. */
  readonly requests: number;
  /** Different bytes of each request of global memory; of shared memory those of all lanes. */
  readonly bytes: number;
  /** Sectors of 32 bytes of global memory, or passes over the banks of shared memory. */
  readonly units: number;
  /** The fewest units that could have the bytes of each request; without conflicts of banks. */
  readonly ideal: number;
}

/** What a kernel did in all its launches. */
export interface KernelCounts {
  readonly kernel: string;
  /** Instructions of PTX that warps issued. */
  readonly instructions: number;
  /** Products of tensor cores, and the multiplications and additions of them. */
  readonly products: number;
  readonly operations: number;
  readonly accesses: readonly AccessCounts[];
}

/** Counts of the kernels of a module since they were forgotten. */
export interface ModuleCounts {
  read(): readonly KernelCounts[];
  forget(): void;
}

/** Opens the counts of a module that was built to be counted, which the stand-in driver has loaded too. */
export function openCounts(path: string): ModuleCounts {
  const loaded = loadForeignLibrary([path]);
  if ("reason" in loaded) throw new Error(loaded.reason);
  const counts = loaded.handle.func("const char *ptx_counts(void)");
  const forget = loaded.handle.func("void ptx_forget_counts(void)");
  return {
    read: () => JSON.parse(String(counts())) as KernelCounts[],
    forget: () => forget(),
  };
}
