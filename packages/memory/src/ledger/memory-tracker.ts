import type { AllocationTag, MemoryPurpose } from "../allocator.ts";
import { DeviceLedger, type DeviceMemory } from "./device-ledger.ts";
import { MemoryError } from "../errors.ts";
import type { MemoryEventSink } from "../events.ts";
import type { MemoryLedger } from "./ledger.ts";
import { type MemoryPlan, sumPlan } from "./memory-plan.ts";
import { assertKnownOptions } from "../assert-argument.ts";
import { resolveWatermarks, type Watermarks } from "./watermarks.ts";

export interface MemoryTrackerOptions {
  /** Told when the pressure on a device with a limit changes. */
  readonly events?: MemoryEventSink | undefined;
  /** Default: high at 0.85, critical at 0.95, hysteresis 0.05. */
  readonly watermarks?: Partial<Watermarks> | undefined;
  /** Bytes by device id; without a limit a device raises no alert. */
  readonly limits?: Readonly<Record<string, number>> | undefined;
}

/** The ledger at one moment. Plain data. */
export interface MemorySnapshot {
  readonly devices: readonly DeviceMemory[];
  readonly plannedBytes: number;
  readonly measuredBytes: number;
}

/** A ledger of planned and measured bytes by device, model and purpose; pools report to it. */
export interface MemoryTracker extends MemoryLedger {
  /** Notes what a model will need on a device, in place of what was noted before. */
  plan(plan: MemoryPlan): void;
  /** Forgets the plan of a model, on one device or on all. */
  unplan(model: string, deviceId?: string): void;
  /** Notes bytes that were taken outside of a pool, such as those of a runtime. */
  record(tag: AllocationTag, deviceId: string, sizeBytes: number): void;
  /** @throws MemoryError `INVALID_ARGUMENT` for more than was recorded */
  release(tag: AllocationTag, deviceId: string, sizeBytes: number): void;
  setLimit(deviceId: string, limitBytes: number): void;
  snapshot(): MemorySnapshot;
}

/**
 * Creates the ledger.
 * @throws MemoryError `INVALID_ARGUMENT`
 */
export function createMemoryTracker(options: MemoryTrackerOptions = {}): MemoryTracker {
  assertKnownOptions("createMemoryTracker", options, ["events", "watermarks", "limits"]);
  const watermarks = resolveWatermarks(options.watermarks);
  const devices = new Map<string, DeviceLedger>();
  const deviceOf = (deviceId: string): DeviceLedger => {
    let device = devices.get(deviceId);
    if (device === undefined) {
      device = new DeviceLedger(deviceId, watermarks, options.events);
      devices.set(deviceId, device);
    }
    return device;
  };
  const setLimit = (deviceId: string, limitBytes: number): void => {
    if (!Number.isSafeInteger(limitBytes) || limitBytes <= 0) {
      throw new MemoryError(
        "INVALID_ARGUMENT",
        `the limit of ${deviceId} must be 1 byte or more, found ${limitBytes}`,
      );
    }
    deviceOf(deviceId).setLimit(limitBytes);
  };
  const change = (tag: AllocationTag, deviceId: string, sizeBytes: number): void => {
    if (!Number.isSafeInteger(sizeBytes)) {
      throw new MemoryError("INVALID_ARGUMENT", `sizeBytes must be an integer, found ${sizeBytes}`);
    }
    deviceOf(deviceId).accountOf(tag.model, tag.purpose).change(sizeBytes);
  };
  for (const [deviceId, limitBytes] of Object.entries(options.limits ?? {})) setLimit(deviceId, limitBytes);

  return {
    account: (tag, deviceId) => deviceOf(deviceId).accountOf(tag.model, tag.purpose),
    plan(plan) {
      sumPlan(plan);
      const device = deviceOf(plan.deviceId);
      device.unplan(plan.model);
      for (const [purpose, sizeBytes] of Object.entries(plan.bytes)) {
        device.accountOf(plan.model, purpose as MemoryPurpose).plannedBytes = sizeBytes;
      }
    },
    unplan(model, deviceId) {
      for (const device of deviceId === undefined ? devices.values() : [deviceOf(deviceId)]) {
        device.unplan(model);
      }
    },
    record: (tag, deviceId, sizeBytes) => change(tag, deviceId, sizeBytes),
    release: (tag, deviceId, sizeBytes) => change(tag, deviceId, -sizeBytes),
    setLimit,
    snapshot() {
      const all = [...devices.values()].map((device) => device.snapshot());
      return {
        devices: all,
        plannedBytes: all.reduce((total, device) => total + device.plannedBytes, 0),
        measuredBytes: all.reduce((total, device) => total + device.measuredBytes, 0),
      };
    },
  };
}
