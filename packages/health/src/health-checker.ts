import { createCheckRunner, type CheckRunner } from "./check-runner.ts";
import { monotonicClock, type HealthClock } from "./clock.ts";
import { HealthError } from "./errors.ts";
import type { HealthEventSink } from "./events.ts";
import type { HealthCheck, HealthChecker, HealthLevel, HealthReport, HealthStatus } from "./health-status.ts";
import { assertKnownOptions, assertName, assertPositive } from "./options.ts";

/** Options of `createHealthChecker`. */
export interface HealthCheckerOptions {
  /** The name in events, such as `live` or `ready`. [health] */
  readonly name?: string;
  /** The initial checks; `addCheck` adds more. [none] */
  readonly checks?: readonly HealthCheck[];
  /** A check without a result after this time is unhealthy. [1000] */
  readonly checkTimeoutMs?: number;
  /** Receives `health:status-changed`. [none] */
  readonly events?: HealthEventSink;
  /** [the monotonic clock] */
  readonly clock?: HealthClock;
}

/** A checker that keeps its latest report. */
export interface StatefulHealthChecker extends HealthChecker {
  readonly name: string;
  /** `undefined` before the first report has finished. */
  readonly lastReport: HealthReport | undefined;
}

const severity: Readonly<Record<HealthLevel, number>> = { healthy: 0, degraded: 1, unhealthy: 2 };

/**
 * Creates a checker that runs all its checks concurrently and reports within the timeout, whatever they do.
 * The worst level wins; `reasons` are those of all checks that are not healthy, the worst first, each
 * prefixed with the name of the check. Without checks it is healthy.
 * @throws HealthError `INVALID_OPTION`; `DUPLICATE_CHECK` here and from `addCheck`
 */
export function createHealthChecker(options: HealthCheckerOptions = {}): StatefulHealthChecker {
  assertKnownOptions("createHealthChecker", options, ["name", "checks", "checkTimeoutMs", "events", "clock"]);
  const { name = "health", checks = [], checkTimeoutMs = 1000, events, clock = monotonicClock } = options;
  assertName("name", name);
  assertPositive("checkTimeoutMs", checkTimeoutMs);

  const runners = new Map<string, CheckRunner>();
  let startedCount = 0;
  let storedIndex = 0;
  let lastReport: HealthReport | undefined;

  function addCheck(check: HealthCheck): () => void {
    assertName("check.name", check.name);
    if (runners.has(check.name)) {
      throw new HealthError(
        "DUPLICATE_CHECK",
        `check.name: expected a unique name, got "${check.name}" a second time`,
      );
    }
    const runner = createCheckRunner({ check, timeoutMs: checkTimeoutMs, clock });
    runners.set(runner.name, runner);
    return () => {
      if (runners.get(runner.name) === runner) runners.delete(runner.name);
    };
  }

  function store(report: HealthReport, index: number): void {
    // A report that finishes after a later one must not replace it.
    if (index < storedIndex) return;
    const previous = lastReport?.status;
    storedIndex = index;
    lastReport = report;
    if (previous !== report.status) {
      events?.emit("health:status-changed", { checker: name, previous, ...report });
    }
  }

  for (const check of checks) addCheck(check);

  return {
    name,
    addCheck,
    get lastReport() {
      return lastReport;
    },
    async report() {
      startedCount += 1;
      const index = startedCount;
      const results = await Promise.all(
        [...runners.values()].map(async (runner) => [runner.name, await runner.run()] as const),
      );
      const report = combine(results);
      store(report, index);
      return report;
    },
  };
}

function combine(results: readonly (readonly [string, HealthStatus])[]): HealthReport {
  const worstFirst = results
    .filter(([, result]) => result.status !== "healthy")
    .toSorted(([, a], [, b]) => severity[b.status] - severity[a.status]);
  return Object.freeze({
    status: worstFirst[0]?.[1].status ?? "healthy",
    reasons: Object.freeze(
      worstFirst.flatMap(([name, result]) => result.reasons.map((reason) => `${name}: ${reason}`)),
    ),
    checks: Object.freeze(Object.fromEntries(results)),
  });
}
