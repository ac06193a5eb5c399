import { afterEach, beforeEach, describe, expect } from "vitest";
import { compileStandIn, loadStandIn, nothingLive, type StandIn } from "./load-stand-in.ts";

export type { StandIn };

/**
 * Describes behaviour with the stand-in driver; skipped, with the reason printed, where it cannot be compiled.
 * Each test starts with a fresh stand-in, and must leave no live object in it.
 */
export function describeOverStandIn(title: string, define: (standIn: StandIn) => void): void {
  const compiled = compileStandIn();
  const reason = "reason" in compiled ? compiled.reason : undefined;
  if (reason !== undefined) console.warn(`skipped "${title}": ${reason}`);
  describe.skipIf(reason !== undefined)(title, () => {
    if ("reason" in compiled) return;
    const standIn = loadStandIn(compiled.path);
    beforeEach(() => standIn.reset());
    afterEach(() => {
      standIn.stopFailing();
      expect(standIn.live()).toEqual(nothingLive);
    });
    define(standIn);
  });
}
