import type { MemoryPurpose } from "../allocator.ts";
import { MemoryError } from "../errors.ts";
import type { MemoryEventSink, MemoryPressure } from "../events.ts";
import { formatBytes } from "../format-bytes.ts";
import type { LedgerAccount } from "./ledger.ts";
import { memoryPurposes } from "./memory-plan.ts";
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

/** One model's bytes for one purpose on one device. */
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
        `${this.#name} released ${formatBytes(-deltaBytes)}, found ${formatBytes(this.measuredBytes)} recorded`,
      );
    }
    this.measuredBytes = measuredBytes;
    if (measuredBytes > this.peakBytes) this.peakBytes = measuredBytes;
    this.#device.change(deltaBytes);
  }
}

/** The lines of one device, their total, and its watermarks. */
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
    let lines = this.#models.get(model);
    if (lines === undefined) this.#models.set(model, (lines = new Map()));
    let line = lines.get(purpose);
    if (line === undefined) {
      line = new PurposeAccount(this, `${model}/${purpose} on ${this.#deviceId}`);
      lines.set(purpose, line);
    }
    return line;
  }

  unplan(model: string): void {
    for (const line of this.#models.get(model)?.values() ?? []) line.plannedBytes = 0;
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
    const models = [...this.#models].map(([model, lines]): ModelMemory => {
      const purposes = memoryPurposes.flatMap((purpose): readonly PurposeMemory[] => {
        const line = lines.get(purpose);
        if (line === undefined) return [];
        const { plannedBytes, measuredBytes, peakBytes } = line;
        return [{ purpose, plannedBytes, measuredBytes, peakBytes }];
      });
      return {
        model,
        plannedBytes: purposes.reduce((total, line) => total + line.plannedBytes, 0),
        measuredBytes: purposes.reduce((total, line) => total + line.measuredBytes, 0),
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
