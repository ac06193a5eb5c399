import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CudaDriver } from "../../../packages/memory/src/cuda/index.ts";
import {
  compileStandIn,
  loadStandIn,
  type StandIn,
} from "../../../packages/memory/test/cuda/stand-in/load-stand-in.ts";
import { buildKernels, libraryOf } from "./build-kernels.ts";
import { type ModuleCounts, openCounts } from "./read-counts.ts";

/** The processor as a CUDA device: the stand-in driver, with the kernels of PTX modules translated for it. */
export interface Processor {
  readonly driver: CudaDriver;
  readonly standIn: StandIn;
  /** The seed of the order in which threads and blocks run. */
  readonly seed: bigint;
  /** The driver as a library, and a folder that has it as `libcuda.so.1`. */
  readonly libraryPath: string;
  readonly libraryFolder: string;
  /** Makes the library find the kernels in another process. */
  readonly env: Readonly<Record<string, string>>;
  /** What a kernel did that made the last launch fail; empty when none did. */
  lastFailure(): string;
  /** Counts of the kernels of a module, by its PTX; where accesses are counted. */
  readonly countsOf: (ptx: string) => ModuleCounts;
}

export interface ProcessorOptions {
  /** PTX texts. [the modules of `@infernode/inference`] */
  readonly ptx?: readonly string[];
  /** [`INFERNODE_KERNEL_SEED`, or a random one] */
  readonly seed?: bigint;
  /** Threads run by number, not at random. [`INFERNODE_KERNEL_ORDER=lockstep`] */
  readonly isLockstep?: boolean;
  /** Whether accesses to memory are counted. [false] */
  readonly areCounted?: boolean;
}

const shipped = fileURLToPath(new URL("../../../packages/inference/ptx", import.meta.url));

/** The PTX modules of `@infernode/inference`. */
function readShippedModules(): readonly string[] {
  if (!existsSync(shipped)) return [];
  return readdirSync(shipped)
    .filter((name) => name.endsWith(".ptx"))
    .map((name) => readFileSync(join(shipped, name), "utf8"));
}

/** A folder of its own, as each version of the driver has. */
function linkDriver(libraryPath: string): string {
  const folder = libraryPath.replace(/\.so$/, "");
  const link = join(folder, "libcuda.so.1");
  mkdirSync(folder, { recursive: true });
  if (!existsSync(link)) symlinkSync(libraryPath, link);
  return folder;
}

/** Opens the processor as a CUDA device, or says why there is none here. */
export function openProcessor(options: ProcessorOptions = {}): Processor | { readonly reason: string } {
  const compiled = compileStandIn();
  if ("reason" in compiled) return compiled;
  const kernels = buildKernels(options.ptx ?? readShippedModules(), options);
  if ("reason" in kernels) return kernels;
  const { env } = process;
  const chosen = env["INFERNODE_KERNEL_SEED"];
  const seed = options.seed ?? BigInt(chosen ?? Math.floor(Math.random() * 1e9));
  const isLockstep = options.isLockstep ?? env["INFERNODE_KERNEL_ORDER"] === "lockstep";
  const standIn = loadStandIn(compiled.path);
  standIn.useKernels(kernels.folder, { seed, isLockstep });
  return {
    driver: standIn.driver,
    standIn,
    seed,
    libraryPath: compiled.path,
    libraryFolder: linkDriver(compiled.path),
    env: {
      STAND_IN_KERNELS: kernels.folder,
      STAND_IN_SEED: String(seed),
      STAND_IN_ORDER: isLockstep ? "lockstep" : "random",
    },
    lastFailure: () => standIn.kernelFailure(),
    countsOf: (ptx) => openCounts(libraryOf(kernels.folder, ptx)),
  };
}
