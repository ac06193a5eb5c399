import { createCpuDevice } from "./cpu-device.ts";
import type { Device } from "../device.ts";

/** Finds the devices of one kind, such as CUDA devices. */
export interface DeviceProbe {
  /** Such as `cuda`. */
  readonly name: string;
  /** Returns the devices, or in one line why there are none. Does not throw when the driver is missing. */
  probe(): { readonly devices: readonly Device[]; readonly unavailableReason?: string | undefined };
}

export interface ListDevicesOptions {
  /** Called in order, after the CPU. [none] */
  readonly probes?: readonly DeviceProbe[] | undefined;
  /** [`createCpuDevice()`] */
  readonly cpu?: Device | undefined;
}

/** The devices that were found, and the probes that found none. */
export interface DeviceProbeResult {
  readonly devices: readonly Device[];
  readonly unavailable: readonly { readonly probe: string; readonly reason: string }[];
}

/** Runs every probe; returns what each found, or why it found nothing. */
export function probeDevices(options: ListDevicesOptions = {}): DeviceProbeResult {
  const devices: Device[] = [options.cpu ?? createCpuDevice()];
  const unavailable: { probe: string; reason: string }[] = [];
  for (const probe of options.probes ?? []) {
    const found = probe.probe();
    devices.push(...found.devices);
    if (found.unavailableReason !== undefined) {
      unavailable.push({ probe: probe.name, reason: found.unavailableReason });
    }
  }
  return { devices, unavailable };
}

/** Lists the devices of this machine, the CPU first. */
export function listDevices(options: ListDevicesOptions = {}): readonly Device[] {
  return probeDevices(options).devices;
}
