import type { TagUsage } from "./errors.ts";

/** How full a device is: below the watermarks, above the high one, above the critical one. */
export type MemoryPressure = "normal" | "high" | "critical";

/** What the package tells. Plain data, after the fact. */
export type MemoryEventMap = {
  /** The pressure on a device changed; falling back needs more than touching the watermark. */
  "memory:alert": {
    readonly deviceId: string;
    readonly pressure: MemoryPressure;
    readonly previousPressure: MemoryPressure;
    readonly usedBytes: number;
    readonly limitBytes: number;
    /** Share of the limit that was crossed. */
    readonly watermark: number;
  };
  /** A pool was disposed with live blocks in it, by tag, largest first. */
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

/** A sink takes a union of tuples, so that a bus with a larger map fits and a wrong one does not. */
export interface MemoryEventSink {
  emit(...event: MemoryEvent): void;
}
