import type { AllocationTag } from "../allocator.ts";
import { DeviceLedger, type DeviceMemory, type LedgerAccount } from "./device-ledger.ts";
import type { MemoryEventSink } from "../events.ts";
import { type MemoryPlan, sumPlan } from "./memory-plan.ts";
import { assertInteger, assertKnownOptions, invalidArgument } from "../assert-argument.ts";
import { resolveWatermarks, type Watermarks } from "./watermarks.ts";

export interface MemoryTrackerOptions {
  /** Receives `memory:alert` when the pressure on a device with a limit changes. [none] */
  readonly events?: MemoryEventSink | undefined;
  /** [high 0.85, critical 0.95, hysteresis 0.05] */
  readonly watermarks?: Partial<Watermarks> | undefined;
  /** Bytes by device id; a device without a limit raises no alert. [none] */
  readonly limits?: Readonly<Record<string, number>> | undefined;
}

/** The state of the ledger at one moment. Plain data. */
export interface MemorySnapshot {
  readonly devices: readonly DeviceMemory[];
  readonly plannedBytes: number;
  readonly measuredBytes: number;
}

/** Where pools report what they allocate; `MemoryTracker` is one. */
export interface MemoryLedger {
  account(tag: AllocationTag, deviceId: string): LedgerAccount;
}

/** A ledger of planned and measured bytes by device, model and purpose; pools report to it. */
export interface MemoryTracker extends MemoryLedger {
  /** Records the plan of a model on a device; replaces the plan it had there. */
  plan(plan: MemoryPlan): void;
  /** Removes the plan of a model, from one device or from all. */
  unplan(model: string, deviceId?: string): void;
  /** Adds bytes that were allocated outside of a pool, such as those of a runtime. */
  record(tag: AllocationTag, deviceId: string, sizeBytes: number): void;
  /** Subtracts such bytes. @throws MemoryError `INVALID_ARGUMENT` for more than was recorded */
  release(tag: AllocationTag, deviceId: string, sizeBytes: number): void;
  setLimit(deviceId: string, limitBytes: number): void;
  snapshot(): MemorySnapshot;
}

/**
 * Creates a ledger.
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
    assertInteger(`limits.${deviceId}`, limitBytes);
    deviceOf(deviceId).setLimit(limitBytes);
  };
  const change = (tag: AllocationTag, deviceId: string, sizeBytes: number): void => {
    if (!Number.isSafeInteger(sizeBytes)) throw invalidArgument("sizeBytes", "an integer", sizeBytes);
    deviceOf(deviceId).accountOf(tag.model, tag.purpose).change(sizeBytes);
  };
  for (const [deviceId, limitBytes] of Object.entries(options.limits ?? {})) setLimit(deviceId, limitBytes);

  return {
    account: (tag, deviceId) => deviceOf(deviceId).accountOf(tag.model, tag.purpose),
    plan(plan) {
      sumPlan(plan);
      deviceOf(plan.deviceId).plan(plan.model, plan.bytes);
    },
    unplan(model, deviceId) {
      for (const device of deviceId === undefined ? devices.values() : [deviceOf(deviceId)]) {
        device.plan(model, {});
      }
    },
    record: (tag, deviceId, sizeBytes) => change(tag, deviceId, sizeBytes),
    release: (tag, deviceId, sizeBytes) => change(tag, deviceId, -sizeBytes),
    setLimit,
    snapshot() {
      const snapshots = [...devices.values()].map((device) => device.snapshot());
      return {
        devices: snapshots,
        plannedBytes: snapshots.reduce((total, device) => total + device.plannedBytes, 0),
        measuredBytes: snapshots.reduce((total, device) => total + device.measuredBytes, 0),
      };
    },
  };
}
