import { readFile } from "node:fs/promises";
import { decodeText } from "../driver/decode.ts";
import { loadNvml, type NvmlOptions } from "./nvml.ts";

export interface DriverVersionOptions {
  readonly nvml?: NvmlOptions;
  /** Where Linux shows the version of the kernel's module. */
  readonly modulePath?: string;
}

/** Longer than any version. */
const maxVersionLength = 96;

/**
 * Reads the version of the NVIDIA driver, such as `580.65.06`: from NVML, or from the kernel where NVML is missing.
 * Resolves with `undefined` where neither has it.
 */
export async function readDriverVersion({
  nvml: options,
  modulePath = "/sys/module/nvidia/version",
}: DriverVersionOptions = {}): Promise<string | undefined> {
  try {
    await using nvml = await loadNvml(options);
    const text = new Uint8Array(maxVersionLength);
    await nvml.call("nvmlSystemGetDriverVersion", text, text.length);
    return decodeText(text);
  } catch {
    const text = (await readFile(modulePath, "utf8").catch(() => "")).trim();
    return text === "" ? undefined : text.slice(0, maxVersionLength);
  }
}
