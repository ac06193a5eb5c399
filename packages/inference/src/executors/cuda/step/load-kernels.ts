import { readFile } from "node:fs/promises";
import {
  type CudaDevice,
  CudaError,
  type CudaFunction,
  type CudaModule,
  type CudaModuleSource,
  type KernelManifest,
  loadCudaModule,
} from "@infernode/memory/cuda";
import { InferenceError, reasonOf } from "../../../errors.ts";
import { kernelModules } from "../kernels/kernel-modules.ts";
import type { KernelLaunch, Program } from "../network/program.ts";
import { assertDevice } from "./assert-device.ts";

const folder = new URL("../../../../ptx/", import.meta.url);

/** Kernels that a device runs. */
export interface Kernels {
  functionOf(launch: Pick<KernelLaunch, "module" | "entry">): CudaFunction;
  dispose(): void;
}

/**
 * Loads the modules whose kernels a program launches.
 * @throws InferenceError `EXECUTOR_UNAVAILABLE` for a GPU or a driver that they do not run on
 */
export async function loadKernels({ steps }: Program, device: CudaDevice): Promise<Kernels> {
  assertDevice(device);
  const launches = steps.flatMap(({ variants }) => variants.flatMap((variant) => variant.launches));
  const modules = new Map<string, CudaModule>();
  const dispose = (): void => {
    for (const module of modules.values()) module.dispose();
  };
  try {
    for (const name of new Set(launches.map(({ module }) => module))) {
      const manifest = kernelModules.get(name);
      if (manifest === undefined) throw new InferenceError("EXECUTOR_FAILED", `no kernels are named ${name}`);
      modules.set(name, loadModule(device, { image: await readImage(name), manifest }));
    }
  } catch (error) {
    dispose();
    throw error;
  }
  return {
    functionOf: ({ module, entry }) => modules.get(module)!.function(entry),
    dispose,
  };
}

function loadModule(device: CudaDevice, source: CudaModuleSource<KernelManifest>): CudaModule {
  try {
    return loadCudaModule(device, source);
  } catch (cause) {
    if (cause instanceof CudaError && cause.isSticky) throw cause;
    const message = `the driver cannot load the kernels of this package: ${reasonOf(cause)}`;
    throw new InferenceError("EXECUTOR_UNAVAILABLE", message, { cause });
  }
}

async function readImage(name: string): Promise<string> {
  try {
    return await readFile(new URL(`${name}.ptx`, folder), "utf8");
  } catch (cause) {
    const message = `the kernels ${name} of this package cannot be read: ${reasonOf(cause)}`;
    throw new InferenceError("EXECUTOR_UNAVAILABLE", message, { cause });
  }
}
