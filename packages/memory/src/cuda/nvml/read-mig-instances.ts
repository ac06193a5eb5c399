import type { MigInstance } from "../../devices/gpu.ts";
import { readNvmlMemory, readNvmlText } from "./nvml-values.ts";
import type { Nvml } from "./nvml.ts";

/** Reads the compute instances of a GPU in MIG mode; skips indices without an instance. */
export async function readMigInstances(nvml: Nvml, device: bigint): Promise<readonly MigInstance[]> {
  const { functions } = nvml;
  const count = new Uint32Array(1);
  const countCallee = functions.nvmlDeviceGetMaxMigDeviceCount;
  if (!(await nvml.query("nvmlDeviceGetMaxMigDeviceCount", countCallee, device, count))) return [];
  const instances: MigInstance[] = [];
  for (let index = 0; index < (count[0] ?? 0); index += 1) {
    const handle = new BigUint64Array(1);
    const callee = functions.nvmlDeviceGetMigDeviceHandleByIndex;
    if (!(await nvml.query("nvmlDeviceGetMigDeviceHandleByIndex", callee, device, index, handle))) continue;
    const instance = handle[0] ?? 0n;
    const ids = new Uint32Array(2);
    const gpuId = functions.nvmlDeviceGetGpuInstanceId;
    const computeId = functions.nvmlDeviceGetComputeInstanceId;
    const isKnown =
      (await nvml.query("nvmlDeviceGetGpuInstanceId", gpuId, instance, ids)) &&
      (await nvml.query("nvmlDeviceGetComputeInstanceId", computeId, instance, ids.subarray(1)));
    if (!isKnown) continue;
    const { totalBytes, freeBytes } = await readNvmlMemory(nvml, instance);
    instances.push({
      uuid: await readNvmlText(nvml, instance, "nvmlDeviceGetUUID"),
      gpuInstanceId: ids[0] ?? 0,
      computeInstanceId: ids[1] ?? 0,
      totalBytes,
      freeBytes,
    });
  }
  return instances;
}
