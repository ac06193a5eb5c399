import type { Device } from "../device.ts";
import { assertInteger, invalidArgument } from "../assert-argument.ts";
import { MemoryError } from "../errors.ts";
import type { MemoryEventSink } from "../events.ts";
import type { MemoryLedger } from "../ledger/memory-tracker.ts";

/** The options that all pools share. */
export interface PoolOptions {
  /** The most that the arenas may be in total. Not together with `limitShare`. [the device's total] */
  readonly limitBytes?: number | undefined;
  /** The limit as a fraction of the device's total, in (0, 1]. */
  readonly limitShare?: number | undefined;
  /** The size of a new arena; a larger block gets an arena of its own. */
  readonly arenaBytes?: number | undefined;
  /** Empty arenas are kept for reuse up to this total. `Infinity` keeps them until `trim`. */
  readonly retainBytes?: number | undefined;
  /** Receives `memory:leaks-found` on dispose. [a process warning instead] */
  readonly events?: MemoryEventSink | undefined;
  /** Accounts every block; a `MemoryTracker`. [none] */
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

/** Resolves the limit of a pool on a device. @throws MemoryError `INVALID_ARGUMENT` */
export function resolveLimitBytes(options: PoolOptions, device: Device): number {
  const { limitBytes, limitShare } = options;
  if (limitBytes !== undefined && limitShare !== undefined) {
    throw new MemoryError("INVALID_ARGUMENT", "expected limitBytes or limitShare, got both");
  }
  if (limitShare !== undefined) {
    if (limitShare > 0 && limitShare <= 1) return Math.floor(device.totalBytes * limitShare);
    throw invalidArgument("limitShare", "a number in (0, 1]", limitShare);
  }
  if (limitBytes === undefined) return device.totalBytes;
  assertInteger("limitBytes", limitBytes);
  return limitBytes;
}

/** Resolves `retainBytes`. @throws MemoryError `INVALID_ARGUMENT` */
export function resolveRetainBytes(retainBytes: number | undefined, defaultBytes: number): number {
  if (retainBytes === undefined) return defaultBytes;
  if (retainBytes >= 0) return retainBytes;
  throw invalidArgument("retainBytes", "0 or more", retainBytes);
}
