import type { HeldLimits } from "../../src/api/shared/held/create-held-responses.ts";

/** Limits that no ordinary test reaches. */
export const heldLimits: HeldLimits = {
  maxCount: 64,
  responseBytes: 2 ** 20,
  totalBytes: 8 * 2 ** 20,
  holdMs: 60_000,
  graceMs: 30_000,
};
