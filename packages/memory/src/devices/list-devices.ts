import { createCpuDevice } from "./cpu-device.ts";
import type { Device } from "../device.ts";

/** Finds devices of one kind, such as those of a driver. */
export interface DeviceProbe {
  /** Such as `cuda`. */
  readonly name: string;
  /** The devices, or in one line why there are none. Does not throw for a driver that is absent. */
  probe(): { readonly devices: readonly Device[]; readonly unavailableReason?: string | undefined };
}

export interface ListDevicesOptions {
  /** Asked in order, after the CPU. */
  readonly probes?: readonly DeviceProbe[] | undefined;
  readonly cpu?: Device | undefined;
}

/** What was found and what was not. */
export interface DeviceProbeResult {
  readonly devices: readonly Device[];
  readonly unavailable: readonly { readonly probe: string; readonly reason: string }[];
}

/** Asks every probe and says what each found, or why it found nothing. */
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
