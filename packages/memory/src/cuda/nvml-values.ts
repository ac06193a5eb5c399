import { decodeText } from "./decode.ts";
import type { GpuDetails } from "./gpu-survey.ts";
import type { Nvml } from "./nvml.ts";

/** Reads the name or the UUID of a GPU or of an instance. */
export async function readNvmlText(
  nvml: Nvml,
  device: bigint,
  name: "nvmlDeviceGetName" | "nvmlDeviceGetUUID",
): Promise<string> {
  const out = new Uint8Array(96);
  await nvml.call(name, nvml.functions[name], device, out, out.length);
  return decodeText(out);
}

/** Reads the memory of a GPU or of an instance. */
export async function readNvmlMemory(
  nvml: Nvml,
  device: bigint,
): Promise<Pick<GpuDetails, "totalBytes" | "freeBytes" | "usedBytes">> {
  const out = new BigUint64Array(3);
  await nvml.call("nvmlDeviceGetMemoryInfo", nvml.functions.nvmlDeviceGetMemoryInfo, device, out);
  const [totalBytes = 0, freeBytes = 0, usedBytes = 0] = Array.from(out, Number);
  return { totalBytes, freeBytes, usedBytes };
}
