import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import {
  type CudaDevice,
  CudaError,
  type CudaModule,
  type CudaModuleSource,
  type KernelManifest,
  loadCudaModule,
} from "@infernode/memory/cuda";
import { InferenceError, reasonOf } from "../../../errors.ts";
import { kernelModules } from "../kernels/kernel-modules.ts";

const manifestPath = createRequire(import.meta.url).resolve("@infernode/inference/package.json");
const folder = join(dirname(manifestPath), "ptx");

/**
 * Loads a module of this package by its name.
 * @throws InferenceError `EXECUTOR_UNAVAILABLE` where the driver or the file system does not give it
 */
export async function loadKernelModule(device: CudaDevice, name: string): Promise<CudaModule> {
  const manifest = kernelModules.get(name);
  if (manifest === undefined) throw new InferenceError("EXECUTOR_FAILED", `no kernels are named ${name}`);
  return loadModule(device, { image: await readImage(name), manifest });
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

/** Reads the PTX of a module of this package. @throws InferenceError `EXECUTOR_UNAVAILABLE` */
export async function readImage(name: string): Promise<string> {
  try {
    return await readFile(join(folder, `${name}.ptx`), "utf8");
  } catch (cause) {
    const message = `the kernels ${name} of this package cannot be read: ${reasonOf(cause)}`;
    throw new InferenceError("EXECUTOR_UNAVAILABLE", message, { cause });
  }
}
