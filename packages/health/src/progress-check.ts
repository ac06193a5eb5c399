import { formatMs, monotonicClock, type HealthClock } from "./clock.ts";
import type { HealthCheck, HealthStatus } from "./health-status.ts";
import { assertKnownOptions, assertName, assertPositive } from "./options.ts";

/** Options of `createProgressCheck`. */
export interface ProgressCheckOptions {
  /** [progress] */
  readonly name?: string;
  /** Whether there is work that requires steps. */
  hasWork(): boolean;
  /** Compared with the last call only, so that it may restart at 0. `undefined` while nothing runs that could make a step. */
  stepCount(): number | undefined;
  /** Unhealthy after this time with work and without a step. */
  readonly stallAfterMs: number;
  /** Describes the work, such as `3 requests running`; follows "with". [pending work] */
  describeWork?(): string;
  /** [the monotonic clock] */
  readonly clock?: HealthClock;
}

/** A synchronous check. */
export interface ProgressCheck extends HealthCheck {
  check(): HealthStatus;
}

const healthy: HealthStatus = Object.freeze({ status: "healthy", reasons: Object.freeze([]) });

/**
 * Creates a check that is healthy while steps are made or there is no work. It reads the counter only when it is
 * called: a stall counts from the first call that found work and no step since, so that work after an idle hour
 * has all of `stallAfterMs`. Call it at least twice in that time.
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
  let lastStepCount: number | undefined;
  let waitingSinceMs: number | undefined;

  return {
    name,
    check() {
      const stepCount = options.stepCount();
      const hasMoved = stepCount !== lastStepCount;
      lastStepCount = stepCount;
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
      const work = options.describeWork?.() ?? "pending work";
      return { status: "unhealthy", reasons: [`no step for ${formatMs(waitedMs)} with ${work}`] };
    },
  };
}
