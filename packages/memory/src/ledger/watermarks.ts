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

/** Compares what a device has beyond its plans with the room that they leave. */
export class PressureGauge {
  readonly #watermarks: Watermarks;
  #roomBytes: number;
  #pressure: MemoryPressure = "normal";
  /** Between these bounds the pressure does not change; checked with every block. */
  #lowerBytes = Number.NEGATIVE_INFINITY;
  #upperBytes = Number.POSITIVE_INFINITY;

  constructor(watermarks: Watermarks, roomBytes: number) {
    this.#watermarks = watermarks;
    this.#roomBytes = roomBytes;
    this.#setBounds();
  }

  get pressure(): MemoryPressure {
    return this.#pressure;
  }

  /** Whether the pressure may change with this usage. */
  isCrossedBy(usedBytes: number): boolean {
    return usedBytes >= this.#upperBytes || usedBytes < this.#lowerBytes;
  }

  /** Changes the room; `update` says what that means. */
  setRoom(roomBytes: number): void {
    this.#roomBytes = roomBytes;
    this.#setBounds();
  }

  /** Updates the pressure; returns the watermark that was crossed, or undefined. */
  update(usedBytes: number): number | undefined {
    const { high, critical, hysteresis } = this.#watermarks;
    const share = usedBytes === 0 ? 0 : usedBytes / Math.max(this.#roomBytes, 1);
    const before = this.#pressure;
    const isCritical = share >= critical || (before === "critical" && share >= critical - hysteresis);
    const isHigh = share >= high || (before !== "normal" && share >= high - hysteresis);
    const now = isCritical ? "critical" : isHigh ? "high" : "normal";
    if (now === before) return undefined;
    this.#pressure = now;
    this.#setBounds();
    if (now === "critical") return critical;
    return now === "high" && before === "critical"
      ? critical - hysteresis
      : now === "high"
        ? high
        : high - hysteresis;
  }

  #setBounds(): void {
    const { high, critical, hysteresis } = this.#watermarks;
    const now = this.#pressure;
    const roomBytes = Math.max(this.#roomBytes, 1);
    this.#upperBytes =
      now === "critical" ? Number.POSITIVE_INFINITY : (now === "high" ? critical : high) * roomBytes;
    this.#lowerBytes =
      now === "normal"
        ? Number.NEGATIVE_INFINITY
        : ((now === "critical" ? critical : high) - hysteresis) * roomBytes;
  }
}
