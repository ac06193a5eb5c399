import type { CudaDevice, CudaFunction, CudaModule } from "@infernode/memory/cuda";
import { type KernelLaunch, launchesOf, type Program } from "../network/program.ts";
import { assertDevice } from "./assert-device.ts";
import { releaseAfter } from "../../release-after.ts";
import { loadKernelModule } from "./load-module.ts";

/** Kernels that a device runs. */
export interface Kernels {
  functionOf(launch: Pick<KernelLaunch, "module" | "entry">): CudaFunction;
  dispose(): void;
}

/**
 * Loads the modules whose kernels a program launches.
 * @throws InferenceError `EXECUTOR_UNAVAILABLE` for a GPU or a driver that they do not run on
 */
export async function loadKernels(program: Program, device: CudaDevice): Promise<Kernels> {
  assertDevice(device);
  const launches = launchesOf(program).filter((launch) => launch.kind === "kernel");
  const modules = new Map<string, CudaModule>();
  const functionOf: Kernels["functionOf"] = ({ module, entry }) => modules.get(module)!.function(entry);
  const dispose = (): void => {
    for (const module of modules.values()) module.dispose();
  };
  try {
    for (const name of new Set(launches.map(({ module }) => module))) {
      modules.set(name, await loadKernelModule(device, name));
    }
    // Before memory is allocated: what they take of the device is taken then.
    for (const launch of launches) functionOf(launch);
  } catch (error) {
    return releaseAfter(error, dispose);
  }
  return { functionOf, dispose };
}
