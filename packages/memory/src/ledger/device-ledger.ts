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
  plannedBytes = 0;
  measuredBytes = 0;
  peakBytes = 0;

  constructor(device: DeviceLedger, name: string) {
    this.#device = device;
    this.#name = name;
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
    this.measuredBytes = measuredBytes;
    if (measuredBytes > this.peakBytes) this.peakBytes = measuredBytes;
    this.#device.change(deltaBytes);
  }
}

/** The accounts of one device, their total, and the watermarks. */
export class DeviceLedger {
  readonly #deviceId: string;
  readonly #watermarks: Watermarks;
  readonly #events: MemoryEventSink | undefined;
  readonly #models: Map<string, Map<MemoryPurpose, PurposeAccount>> = new Map();
  #gauge: PressureGauge | undefined;
  #measuredBytes = 0;
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

  unplan(model: string): void {
    for (const account of this.#models.get(model)?.values() ?? []) account.plannedBytes = 0;
  }

  setLimit(limitBytes: number): void {
    this.#gauge = new PressureGauge(this.#watermarks, limitBytes);
    this.change(0);
  }

  change(deltaBytes: number): void {
    this.#measuredBytes += deltaBytes;
    if (this.#measuredBytes > this.#peakBytes) this.#peakBytes = this.#measuredBytes;
    const gauge = this.#gauge;
    if (gauge === undefined || !gauge.isCrossedBy(this.#measuredBytes)) return;
    const previousPressure = gauge.pressure;
    const watermark = gauge.update(this.#measuredBytes);
    if (watermark === undefined) return;
    this.#events?.emit("memory:alert", {
      deviceId: this.#deviceId,
      pressure: gauge.pressure,
      previousPressure,
      usedBytes: this.#measuredBytes,
      limitBytes: gauge.limitBytes,
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
      limitBytes: this.#gauge?.limitBytes,
      pressure: this.#gauge?.pressure ?? "normal",
      plannedBytes: models.reduce((total, model) => total + model.plannedBytes, 0),
      measuredBytes: this.#measuredBytes,
      peakBytes: this.#peakBytes,
      models,
    };
  }
}
