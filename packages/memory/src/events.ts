import type { TagUsage } from "./errors.ts";

/** How full a device is: below the watermarks, above the high one, above the critical one. */
export type MemoryPressure = "normal" | "high" | "critical";

/** Events of this package: plain data, emitted after the change. */
export type MemoryEventMap = {
  /** The pressure on a device changed. It returns below a watermark with hysteresis. */
  "memory:alert": {
    readonly deviceId: string;
    readonly pressure: MemoryPressure;
    readonly previousPressure: MemoryPressure;
    readonly usedBytes: number;
    readonly limitBytes: number;
    /** The share of the limit that was crossed. */
    readonly watermark: number;
  };
  /** A pool was disposed with live blocks. `usageByTag` is sorted, largest first. */
  "memory:leaks-found": {
    readonly deviceId: string;
    readonly totalBytes: number;
    readonly blockCount: number;
    readonly usageByTag: readonly TagUsage[];
  };
};

export type MemoryEvent = {
  [Name in keyof MemoryEventMap]: [Name, MemoryEventMap[Name]];
}[keyof MemoryEventMap];

/**
 * Receives events. `emit` takes a union of tuples, so that a bus with a larger map fits. It is a property, because
 * methods are compared bivariantly and a bus with too small a map would fit too.
 */
export interface MemoryEventSink {
  readonly emit: (...event: MemoryEvent) => void;
}
