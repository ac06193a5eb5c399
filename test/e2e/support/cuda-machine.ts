import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { buildKernels, hashText } from "../../support/cuda/build-kernels.ts";
import { openProcessor, type Processor, type ProcessorOptions } from "../../support/cuda/open-processor.ts";

const mib = 2 ** 20;

/** Bytes of each device. */
export const deviceBytes: number = 128 * mib;

/** A machine with two CUDA devices, which are the processor; or why there is none here. */
export type CudaMachine =
  | { readonly environment: Readonly<Record<string, string>>; readonly seed: Processor["seed"] }
  | { readonly reason: string };

/**
 * Opens the processor as two devices for processes that a test starts; says so when it cannot. It compiles kernels, for
 * minutes where none are there: outside of a test, unless they are not run.
 */
export function openCudaMachine(title: string, options: Pick<ProcessorOptions, "ptx"> = {}): CudaMachine {
  const processor = openProcessor(options);
  if ("reason" in processor) {
    console.warn(`skipped "${title}": ${processor.reason}`);
    return processor;
  }
  const { env, seed, libraryFolder } = processor;
  console.info(`"${title}": threads run in the order of INFERNODE_KERNEL_SEED=${seed}`);
  const devices = { STAND_IN_DEVICES: "2", STAND_IN_BYTES: String(deviceBytes) };
  return { seed, environment: { ...env, ...devices, LD_LIBRARY_PATH: libraryFolder } };
}

/**
 * Makes the devices of a machine compute something else of a PTX text, as a driver with a fault would; returns what its
 * environment is then. `folder` is made.
 */
export function plantFault(
  environment: Readonly<Record<string, string>>,
  { folder, ptx, altered }: { readonly folder: string; readonly ptx: string; readonly altered: string },
): Readonly<Record<string, string>> {
  const built = buildKernels([altered]);
  if ("reason" in built) throw new Error(built.reason);
  mkdirSync(folder, { recursive: true });
  const wanted = `${hashText(ptx)}.so`;
  for (const name of readdirSync(built.folder).filter((each) => each.endsWith(".so"))) {
    const source = name === wanted ? `${hashText(altered)}.so` : name;
    symlinkSync(join(built.folder, source), join(folder, name));
  }
  return { ...environment, STAND_IN_KERNELS: folder };
}
