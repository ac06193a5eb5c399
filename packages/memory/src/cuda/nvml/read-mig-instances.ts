import type { MigInstance } from "../../devices/gpu.ts";
import { readInstanceMemory, readNvmlText } from "./nvml-values.ts";
import type { Nvml } from "./nvml.ts";

/** Reads the compute instances of a GPU in MIG mode; skips indices without an instance. */
export async function readMigInstances(nvml: Nvml, device: bigint): Promise<readonly MigInstance[]> {
  const count = new Uint32Array(1);
  if (!(await nvml.query("nvmlDeviceGetMaxMigDeviceCount", device, count))) return [];
  const instances: MigInstance[] = [];
  for (let index = 0; index < (count[0] ?? 0); index += 1) {
    const handle = new BigUint64Array(1);
    if (!(await nvml.query("nvmlDeviceGetMigDeviceHandleByIndex", device, index, handle))) continue;
    const instance = handle[0] ?? 0n;
    const ids = new Uint32Array(2);
    const isKnown =
      (await nvml.query("nvmlDeviceGetGpuInstanceId", instance, ids)) &&
      (await nvml.query("nvmlDeviceGetComputeInstanceId", instance, ids.subarray(1)));
    if (!isKnown) continue;
    const { totalBytes, freeBytes } = await readInstanceMemory(nvml, instance);
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
