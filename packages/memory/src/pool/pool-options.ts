import type { Device } from "../device.ts";
import { MemoryError } from "../errors.ts";
import type { MemoryEventSink } from "../events.ts";
import type { MemoryLedger } from "../ledger/ledger.ts";

/** What every pool can be told, whatever the device. */
export interface PoolOptions {
  /** What the pool may take from the device; default: all of it. Not together with `limitShare`. */
  readonly limitBytes?: number | undefined;
  /** The limit as a share of the device's total, in (0, 1]. */
  readonly limitShare?: number | undefined;
  /** The usual arena; what is larger gets an arena of its own. */
  readonly arenaBytes?: number | undefined;
  /** Empty arenas are kept for later up to this total. `Infinity` keeps them until `trim`. */
  readonly retainBytes?: number | undefined;
  /** Told about leaks on dispose; without one they become a process warning. */
  readonly events?: MemoryEventSink | undefined;
  /** Told about every block; a `MemoryTracker`. */
  readonly ledger?: MemoryLedger | undefined;
}

/** The names of `PoolOptions`. */
export const poolOptionNames = [
  "limitBytes",
  "limitShare",
  "arenaBytes",
  "retainBytes",
  "events",
  "ledger",
] as const;

/** The limit that a pool on a device works with. */
export function resolveLimitBytes(options: PoolOptions, device: Device): number {
  const { limitBytes, limitShare } = options;
  if (limitBytes !== undefined && limitShare !== undefined) {
    throw new MemoryError("INVALID_ARGUMENT", "wanted limitBytes or limitShare, found both");
  }
  if (limitShare !== undefined) {
    if (limitShare > 0 && limitShare <= 1) return Math.floor(device.totalBytes * limitShare);
    throw new MemoryError("INVALID_ARGUMENT", `limitShare must be in (0, 1], found ${limitShare}`);
  }
  if (limitBytes === undefined) return device.totalBytes;
  if (Number.isSafeInteger(limitBytes) && limitBytes > 0) return limitBytes;
  throw new MemoryError(
    "INVALID_ARGUMENT",
    `limitBytes must be an integer of 1 or more, found ${limitBytes}`,
  );
}

/** Checks how much of what is empty is kept. */
export function resolveRetainBytes(retainBytes: number | undefined, otherwise: number): number {
  if (retainBytes === undefined) return otherwise;
  if (retainBytes >= 0) return retainBytes;
  throw new MemoryError("INVALID_ARGUMENT", `retainBytes must be 0 or more, found ${retainBytes}`);
}
