import type { MigInstance } from "../../devices/gpu.ts";
import { readHostMemory } from "../../devices/host-memory.ts";
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

/** Reads the memory of a MIG instance. */
export async function readInstanceMemory(nvml: Nvml, instance: bigint): Promise<GpuMemory> {
  const out = new BigUint64Array(3);
  await nvml.call("nvmlDeviceGetMemoryInfo", instance, out);
  return decodeMemory(out);
}

/**
 * Reads the memory of a GPU. Not every user may read a GPU in MIG mode: the result is then the sum of its instances. A GPU
 * that has no memory of its own (such as GB10) reports none: the result is then the host's memory, which it shares.
 */
export async function readNvmlMemory(
  nvml: Nvml,
  device: bigint,
  instances: readonly MigInstance[] | undefined,
): Promise<GpuMemory> {
  const out = new BigUint64Array(3);
  if (await nvml.query("nvmlDeviceGetMemoryInfo", device, out)) return decodeMemory(out);
  const parts = instances ?? [readHostMemory()];
  const totalBytes = parts.reduce((sum, part) => sum + part.totalBytes, 0);
  const freeBytes = parts.reduce((sum, part) => sum + part.freeBytes, 0);
  return { totalBytes, freeBytes, usedBytes: totalBytes - freeBytes };
}

function decodeMemory(out: BigUint64Array): GpuMemory {
  const [totalBytes = 0, freeBytes = 0, usedBytes = 0] = Array.from(out, Number);
  return { totalBytes, freeBytes, usedBytes };
}
