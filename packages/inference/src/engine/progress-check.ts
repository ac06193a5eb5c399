import type { HealthPort } from "../ports.ts";

/** What the check reads. */
export interface Progress {
  readonly hasWork: boolean;
  /** When the last step ended or the work began, whichever is later. */
  readonly lastProgressAtMs: number;
  /** Why the last step failed; `undefined` after one that did not. */
  readonly lastFailure: string | undefined;
  readonly registrationFailure: string | undefined;
}

type Check = Parameters<HealthPort["addCheck"]>[0];

/** Creates a check that is unhealthy while the engine has work and makes no step. */
export function createProgressCheck(options: {
  readonly progress: () => Progress;
  readonly now: () => number;
  readonly stallAfterMs: number;
}): Check {
  return {
    name: "inference",
    check: () => {
      const progress = options.progress();
      const idleMs = options.now() - progress.lastProgressAtMs;
      if (progress.hasWork && idleMs > options.stallAfterMs) {
        const reason = `expected a step within ${options.stallAfterMs} ms while there is work, got none for ${Math.round(idleMs)} ms`;
        return { status: "unhealthy", reasons: [reason] };
      }
      const reasons: string[] = [];
      if (progress.lastFailure !== undefined) reasons.push(`the last step failed: ${progress.lastFailure}`);
      if (progress.registrationFailure !== undefined) {
        reasons.push(`the engine is not registered: ${progress.registrationFailure}`);
      }
      return { status: reasons.length > 0 ? "degraded" : "healthy", reasons };
    },
  };
}
