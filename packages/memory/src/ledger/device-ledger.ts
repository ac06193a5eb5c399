import { type MemoryPurpose, memoryPurposes } from "../allocator.ts";
import { MemoryError } from "../errors.ts";
import type { MemoryEventSink, MemoryPressure } from "../events.ts";
import { formatBytes } from "../format-bytes.ts";
import { PressureGauge, type Watermarks } from "./watermarks.ts";

export interface PurposeMemory {
  readonly purpose: MemoryPurpose;
  readonly plannedBytes: number;
  readonly measuredBytes: number;
  readonly peakBytes: number;
}

export interface ModelMemory {
  readonly model: string;
  readonly plannedBytes: number;
  readonly measuredBytes: number;
  readonly purposes: readonly PurposeMemory[];
}

export interface DeviceMemory {
  readonly deviceId: string;
  readonly limitBytes: number | undefined;
  readonly pressure: MemoryPressure;
  readonly plannedBytes: number;
  readonly measuredBytes: number;
  readonly peakBytes: number;
  readonly models: readonly ModelMemory[];
}

/** One account of a ledger. A pool keeps it, so that it needs no look-up per block. */
export interface LedgerAccount {
  add(sizeBytes: number): void;
  subtract(sizeBytes: number): void;
}

/** The bytes of one model for one purpose on one device. */
class PurposeAccount implements LedgerAccount {
  readonly #device: DeviceLedger;
  readonly #name: string;
  #plannedBytes = 0;
  measuredBytes = 0;
  peakBytes = 0;

  constructor(device: DeviceLedger, name: string) {
    this.#device = device;
    this.#name = name;
  }

  get plannedBytes(): number {
    return this.#plannedBytes;
  }

  plan(sizeBytes: number): void {
    const before = this.#excessBytes;
    const deltaBytes = sizeBytes - this.#plannedBytes;
    this.#plannedBytes = sizeBytes;
    this.#device.changePlan(deltaBytes, this.#excessBytes - before);
  }

  add(sizeBytes: number): void {
    this.change(sizeBytes);
  }

  subtract(sizeBytes: number): void {
    this.change(-sizeBytes);
  }

  change(deltaBytes: number): void {
    const measuredBytes = this.measuredBytes + deltaBytes;
    if (measuredBytes < 0) {
      throw new MemoryError(
        "INVALID_ARGUMENT",
        `${this.#name}: expected a release of at most ${formatBytes(this.measuredBytes)}, got ${formatBytes(-deltaBytes)}`,
      );
    }
    const before = this.#excessBytes;
    this.measuredBytes = measuredBytes;
    if (measuredBytes > this.peakBytes) this.peakBytes = measuredBytes;
    this.#device.change(deltaBytes, this.#excessBytes - before);
  }

  /** Beyond the plan. */
  get #excessBytes(): number {
    return Math.max(0, this.measuredBytes - this.#plannedBytes);
  }
}

/**
 * The accounts of one device, their total, and the watermarks. What was planned was found to fit: pressure is what accounts
 * have beyond their plans, as a share of what all plans leave of the limit.
 */
export class DeviceLedger {
  readonly #deviceId: string;
  readonly #watermarks: Watermarks;
  readonly #events: MemoryEventSink | undefined;
  readonly #models: Map<string, Map<MemoryPurpose, PurposeAccount>> = new Map();
  #gauge: PressureGauge | undefined;
  #limitBytes = 0;
  #plannedBytes = 0;
  #measuredBytes = 0;
  /** Of all accounts, beyond the plan of each. */
  #excessBytes = 0;
  #peakBytes = 0;

  constructor(deviceId: string, watermarks: Watermarks, events: MemoryEventSink | undefined) {
    this.#deviceId = deviceId;
    this.#watermarks = watermarks;
    this.#events = events;
  }

  accountOf(model: string, purpose: MemoryPurpose): PurposeAccount {
    let accounts = this.#models.get(model);
    if (accounts === undefined) this.#models.set(model, (accounts = new Map()));
    let account = accounts.get(purpose);
    if (account === undefined) {
      account = new PurposeAccount(this, `${model}/${purpose} on ${this.#deviceId}`);
      accounts.set(purpose, account);
    }
    return account;
  }

  /** Replaces the plan of a model. */
  plan(model: string, bytes: Readonly<Partial<Record<MemoryPurpose, number>>>): void {
    for (const account of this.#models.get(model)?.values() ?? []) account.plan(0);
    for (const [purpose, sizeBytes] of Object.entries(bytes)) {
      this.accountOf(model, purpose as MemoryPurpose).plan(sizeBytes);
    }
    this.#gauge?.setRoom(this.#limitBytes - this.#plannedBytes);
    this.#alert();
  }

  setLimit(limitBytes: number): void {
    this.#limitBytes = limitBytes;
    this.#gauge = new PressureGauge(this.#watermarks, limitBytes - this.#plannedBytes);
    this.#alert();
  }

  changePlan(deltaBytes: number, excessDeltaBytes: number): void {
    this.#plannedBytes += deltaBytes;
    this.#excessBytes += excessDeltaBytes;
  }

  change(deltaBytes: number, excessDeltaBytes: number): void {
    this.#measuredBytes += deltaBytes;
    this.#excessBytes += excessDeltaBytes;
    if (this.#measuredBytes > this.#peakBytes) this.#peakBytes = this.#measuredBytes;
    this.#alert();
  }

  #alert(): void {
    const gauge = this.#gauge;
    if (gauge === undefined || !gauge.isCrossedBy(this.#excessBytes)) return;
    const previousPressure = gauge.pressure;
    const watermark = gauge.update(this.#excessBytes);
    if (watermark === undefined) return;
    this.#events?.emit("memory:alert", {
      deviceId: this.#deviceId,
      pressure: gauge.pressure,
      previousPressure,
      usedBytes: this.#measuredBytes,
      limitBytes: this.#limitBytes,
      watermark,
    });
  }

  snapshot(): DeviceMemory {
    const models = [...this.#models].map(([model, accounts]): ModelMemory => {
      const purposes = memoryPurposes.flatMap((purpose): readonly PurposeMemory[] => {
        const account = accounts.get(purpose);
        if (account === undefined) return [];
        const { plannedBytes, measuredBytes, peakBytes } = account;
        return [{ purpose, plannedBytes, measuredBytes, peakBytes }];
      });
      return {
        model,
        plannedBytes: purposes.reduce((total, account) => total + account.plannedBytes, 0),
        measuredBytes: purposes.reduce((total, account) => total + account.measuredBytes, 0),
        purposes,
      };
    });
    return {
      deviceId: this.#deviceId,
      limitBytes: this.#gauge && this.#limitBytes,
      pressure: this.#gauge?.pressure ?? "normal",
      plannedBytes: models.reduce((total, model) => total + model.plannedBytes, 0),
      measuredBytes: this.#measuredBytes,
      peakBytes: this.#peakBytes,
      models,
    };
  }
}
