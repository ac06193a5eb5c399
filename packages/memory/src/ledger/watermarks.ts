import { MemoryError } from "../errors.ts";
import type { MemoryPressure } from "../events.ts";

/** Shares of a device's limit, in (0, 1]. */
export interface Watermarks {
  readonly high: number;
  readonly critical: number;
  /** How far below a watermark usage must fall before its alert ends. */
  readonly hysteresis: number;
}

const defaultWatermarks: Watermarks = { high: 0.85, critical: 0.95, hysteresis: 0.05 };

/** Applies the defaults. @throws MemoryError `INVALID_ARGUMENT` */
export function resolveWatermarks(options: Partial<Watermarks> = {}): Watermarks {
  const resolved = { ...defaultWatermarks, ...options };
  const { high, critical, hysteresis } = resolved;
  if (high > 0 && high <= critical && critical <= 1 && hysteresis >= 0 && hysteresis < high) {
    return Object.freeze(resolved);
  }
  throw new MemoryError(
    "INVALID_ARGUMENT",
    `watermarks: expected 0 < high ≤ critical ≤ 1 and 0 ≤ hysteresis < high, ` +
      `got high ${high}, critical ${critical}, hysteresis ${hysteresis}`,
  );
}

/** Compares the usage of one device with the watermarks. */
export class PressureGauge {
  readonly #watermarks: Watermarks;
  readonly #limitBytes: number;
  #pressure: MemoryPressure = "normal";
  /** Between these bounds the pressure does not change; checked with every block. */
  #lowerBytes = Number.NEGATIVE_INFINITY;
  #upperBytes: number;

  constructor(watermarks: Watermarks, limitBytes: number) {
    this.#watermarks = watermarks;
    this.#limitBytes = limitBytes;
    this.#upperBytes = watermarks.high * limitBytes;
  }

  get pressure(): MemoryPressure {
    return this.#pressure;
  }

  get limitBytes(): number {
    return this.#limitBytes;
  }

  /** Whether the pressure may change with this usage. */
  isCrossedBy(usedBytes: number): boolean {
    return usedBytes >= this.#upperBytes || usedBytes < this.#lowerBytes;
  }

  /** Updates the pressure; returns the watermark that was crossed, or undefined. */
  update(usedBytes: number): number | undefined {
    const { high, critical, hysteresis } = this.#watermarks;
    const share = usedBytes / this.#limitBytes;
    const before = this.#pressure;
    const isCritical = share >= critical || (before === "critical" && share >= critical - hysteresis);
    const isHigh = share >= high || (before !== "normal" && share >= high - hysteresis);
    const now = isCritical ? "critical" : isHigh ? "high" : "normal";
    if (now === before) return undefined;
    this.#pressure = now;
    this.#upperBytes =
      now === "critical" ? Number.POSITIVE_INFINITY : (now === "high" ? critical : high) * this.#limitBytes;
    this.#lowerBytes =
      now === "normal"
        ? Number.NEGATIVE_INFINITY
        : ((now === "critical" ? critical : high) - hysteresis) * this.#limitBytes;
    if (now === "critical") return critical;
    return now === "high" && before === "critical"
      ? critical - hysteresis
      : now === "high"
        ? high
        : high - hysteresis;
  }
}
