import { checkKernels, type CopySpeed, type KernelCheck, measureCopies } from "@infernode/inference/cuda";
import { createCudaDevice, createCudaMemoryPool } from "@infernode/memory/cuda";
import { findGpu } from "../../models/engine/find-gpu.ts";
import type { GpuCheck, GpuCheckMessage } from "./check-gpu.ts";

// The process of `checkGpu`. Its argument is the number or UUID of a GPU.

/** What the driver of the tests names its devices. */
const standInName = "Stand-in GPU";
const mib = 2 ** 20;

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function check(name: string): Promise<GpuCheck> {
  const found = await findGpu(name);
  const none: readonly KernelCheck[] = [];
  if (!("gpu" in found)) {
    return { device: name, isStandIn: false, kernels: none, copies: undefined, problem: found.problem };
  }
  const { driver, description } = found.gpu;
  const isStandIn = description.name.startsWith(standInName);
  const device = createCudaDevice({ driver, ordinal: description.ordinal });
  let kernels = none;
  let copies: CopySpeed | undefined;
  let problem: string | undefined;
  try {
    const pool = createCudaMemoryPool({ device, arenaBytes: 4 * mib });
    kernels = await checkKernels({ pool });
    if (!isStandIn) copies = measureCopies({ pool });
  } catch (error) {
    problem = reasonOf(error);
  }
  return { device: description.name, isStandIn, kernels, copies, problem };
}

const message: GpuCheckMessage = { check: await check(process.argv[2] ?? "0") };
// What is on a device that was lost cannot be released: the process ends with it.
process.send?.(message, undefined, undefined, () => process.exit(0));
