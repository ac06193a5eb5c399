import { cpus } from "node:os";
import type { Device } from "../device.ts";
import { type HostMemory, readHostMemory } from "./host-memory.ts";

export interface CpuDeviceOptions {
  /** [`readHostMemory`] */
  readonly readMemory?: (() => HostMemory) | undefined;
  /** [the model name of the CPU] */
  readonly name?: string | undefined;
}

/** Creates the device for this machine's CPU and memory, within the limits of its container. */
export function createCpuDevice(options: CpuDeviceOptions = {}): Device {
  const readMemory = options.readMemory ?? readHostMemory;
  return {
    id: "cpu",
    kind: "cpu",
    name: options.name ?? cpus()[0]?.model.trim() ?? "CPU",
    totalBytes: readMemory().totalBytes,
    freeBytes: () => readMemory().freeBytes,
  };
}
