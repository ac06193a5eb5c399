import { checkKernels, type CopySpeed, type KernelCheck, measureCopies } from "@infernode/inference/cuda";
import { createCudaDevice, createCudaMemoryPool, isStandInDevice } from "@infernode/memory/cuda";
import { watchParent } from "../parent-watch.ts";
import type { GpuCheck, GpuCheckMessage } from "./check-gpu.ts";
import { findGpu } from "./find-gpu.ts";

// The process of `checkGpu`. Its first argument is the number or UUID of a GPU; `--copies` measures its memory too.

const mib = 2 ** 20;
/** Most of it is the driver's, which compiles the kernels where it has not before. */
const kernelsMs = 150_000;

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function check(name: string, measuresCopies: boolean): Promise<GpuCheck> {
  const found = await findGpu(name);
  const none: readonly KernelCheck[] = [];
  if (!("gpu" in found)) {
    return { device: name, isStandIn: false, kernels: none, copies: undefined, problem: found.problem };
  }
  const { driver, description } = found.gpu;
  const isStandIn = isStandInDevice(description);
  let kernels = none;
  let copies: CopySpeed | undefined;
  let problem: string | undefined;
  try {
    const device = createCudaDevice({ driver, ordinal: description.ordinal });
    const pool = createCudaMemoryPool({ device, arenaBytes: 4 * mib });
    kernels = await checkKernels({ pool, timeoutMs: kernelsMs });
    if (measuresCopies && !isStandIn) copies = measureCopies({ pool });
  } catch (error) {
    problem = reasonOf(error);
  }
  return { device: description.name, isStandIn, kernels, copies, problem };
}

watchParent();
const [name = "0", ...flags] = process.argv.slice(2);
const message: GpuCheckMessage = { check: await check(name, flags.includes("--copies")) };
// What is on a device that was lost cannot be released: the process ends with it.
process.send?.(message, undefined, undefined, () => process.exit(0));
