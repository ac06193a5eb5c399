import type { MigInstance } from "../../devices/gpu.ts";
import { decodeText } from "../driver/decode.ts";
import type { GpuDetails } from "./gpu-inventory.ts";
import type { Nvml } from "./nvml.ts";

/** Reads the name or the UUID of a GPU or a MIG instance. */
export async function readNvmlText(
  nvml: Nvml,
  device: bigint,
  name: "nvmlDeviceGetName" | "nvmlDeviceGetUUID",
): Promise<string> {
  const out = new Uint8Array(96);
  await nvml.call(name, device, out, out.length);
  return decodeText(out);
}

type GpuMemory = Pick<GpuDetails, "totalBytes" | "freeBytes" | "usedBytes">;

/**
 * Reads the memory of a GPU or a MIG instance. Not every user may read a GPU in MIG mode: the result is then the
 * sum of its instances.
 */
export async function readNvmlMemory(
  nvml: Nvml,
  device: bigint,
  instances: readonly MigInstance[] = [],
): Promise<GpuMemory> {
  const name = "nvmlDeviceGetMemoryInfo";
  const out = new BigUint64Array(3);
  if (instances.length === 0) {
    await nvml.call(name, device, out);
  } else if (!(await nvml.query(name, device, out))) {
    const totalBytes = instances.reduce((sum, instance) => sum + instance.totalBytes, 0);
    const freeBytes = instances.reduce((sum, instance) => sum + instance.freeBytes, 0);
    return { totalBytes, freeBytes, usedBytes: totalBytes - freeBytes };
  }
  const [totalBytes = 0, freeBytes = 0, usedBytes = 0] = Array.from(out, Number);
  return { totalBytes, freeBytes, usedBytes };
}
