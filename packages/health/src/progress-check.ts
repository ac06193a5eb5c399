import { formatMs, monotonicClock, type HealthClock } from "./clock.ts";
import type { HealthCheck, HealthStatus } from "./health-status.ts";
import { assertKnownOptions, assertName, assertPositive } from "./options.ts";

/** What `createProgressCheck` takes. */
export interface ProgressCheckOptions {
  /** [progress] */
  readonly name?: string;
  /** Whether there is something that steps should be made for. */
  hasWork(): boolean;
  /** Only whether it differs from the last look counts, so it may start over. `undefined`: nothing runs that could step. */
  stepCount(): number | undefined;
  /** With work and without a step for this long it is unhealthy. */
  readonly stallAfterMs: number;
  /** What there is to do, such as `3 requests running`; follows "with". [work to do] */
  describeWork?(): string;
  /** [the monotonic clock] */
  readonly clock?: HealthClock;
}

/** A check whose answer is there at once. */
export interface ProgressCheck extends HealthCheck {
  check(): HealthStatus;
}

const healthy: HealthStatus = Object.freeze({ status: "healthy", reasons: Object.freeze([]) });

/**
 * Creates a check that is healthy while steps are made or there is nothing to do. It knows only what it
 * sees when it is asked: the stall is counted from the first look that found work and no step since, so
 * work that appears after an idle hour has the whole of `stallAfterMs`. Ask at least twice in that time.
 * @throws HealthError `INVALID_OPTION`
 */
export function createProgressCheck(options: ProgressCheckOptions): ProgressCheck {
  assertKnownOptions("createProgressCheck", options, [
    "name",
    "hasWork",
    "stepCount",
    "stallAfterMs",
    "describeWork",
    "clock",
  ]);
  const { name = "progress", stallAfterMs, clock = monotonicClock } = options;
  assertName("name", name);
  assertPositive("stallAfterMs", stallAfterMs);
  let seenStepCount: number | undefined;
  let waitingSinceMs: number | undefined;

  return {
    name,
    check() {
      const stepCount = options.stepCount();
      const hasMoved = stepCount !== seenStepCount;
      seenStepCount = stepCount;
      if (stepCount === undefined || !options.hasWork()) {
        waitingSinceMs = undefined;
        return healthy;
      }
      const nowMs = clock.now();
      if (hasMoved || waitingSinceMs === undefined) {
        waitingSinceMs = nowMs;
        return healthy;
      }
      const waitedMs = nowMs - waitingSinceMs;
      if (waitedMs < stallAfterMs) return healthy;
      const work = options.describeWork?.() ?? "work to do";
      return { status: "unhealthy", reasons: [`no step for ${formatMs(waitedMs)} with ${work}`] };
    },
  };
}
