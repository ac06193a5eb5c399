import { createCheckRunner, type CheckRunner } from "./check-runner.ts";
import { monotonicClock, type HealthClock } from "./clock.ts";
import { HealthError } from "./errors.ts";
import type { HealthEventSink } from "./events.ts";
import type { HealthCheck, HealthChecker, HealthLevel, HealthReport, HealthStatus } from "./health-status.ts";
import { assertKnownOptions, assertName, assertPositive } from "./options.ts";

/** What `createHealthChecker` takes. */
export interface HealthCheckerOptions {
  /** Appears in events, such as `live` or `ready`. [health] */
  readonly name?: string;
  /** The first checks; more come with `addCheck`. [none] */
  readonly checks?: readonly HealthCheck[];
  /** A check that has not answered after this is unhealthy. [1000] */
  readonly checkTimeoutMs?: number;
  /** Is told when the level changes. [nobody] */
  readonly events?: HealthEventSink;
  /** [the monotonic clock] */
  readonly clock?: HealthClock;
}

/** A checker that also keeps its latest report, to be read without asking anything. */
export interface StatefulHealthChecker extends HealthChecker {
  readonly name: string;
  /** `undefined` before the first report has finished. */
  readonly lastReport: HealthReport | undefined;
}

const severity: Readonly<Record<HealthLevel, number>> = { healthy: 0, degraded: 1, unhealthy: 2 };

/**
 * Creates a checker that asks all its checks at once and answers within the timeout, whatever they do.
 * The worst level wins; `reasons` are those of every check that is not healthy, the worst first, each
 * prefixed with the check's name. With no checks it is healthy.
 * @throws HealthError `INVALID_OPTION`; `DUPLICATE_CHECK` here and from `addCheck`
 */
export function createHealthChecker(options: HealthCheckerOptions = {}): StatefulHealthChecker {
  assertKnownOptions("createHealthChecker", options, ["name", "checks", "checkTimeoutMs", "events", "clock"]);
  const { name = "health", checks = [], checkTimeoutMs = 1000, events, clock = monotonicClock } = options;
  assertName("name", name);
  assertPositive("checkTimeoutMs", checkTimeoutMs);

  const runners = new Map<string, CheckRunner>();
  let startedCount = 0;
  let rememberedIndex = 0;
  let lastReport: HealthReport | undefined;

  function addCheck(check: HealthCheck): () => void {
    assertName("a check's name", check.name);
    if (runners.has(check.name)) {
      throw new HealthError(
        "DUPLICATE_CHECK",
        `check names must be unique, found "${check.name}" a second time`,
      );
    }
    const runner = createCheckRunner({ check, timeoutMs: checkTimeoutMs, clock });
    runners.set(runner.name, runner);
    return () => {
      if (runners.get(runner.name) === runner) runners.delete(runner.name);
    };
  }

  function remember(report: HealthReport, index: number): void {
    // A report that was overtaken by a later one must not turn the state back.
    if (index < rememberedIndex) return;
    const previous = lastReport?.status;
    rememberedIndex = index;
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
      const answers = await Promise.all(
        [...runners.values()].map(async (runner) => [runner.name, await runner.run()] as const),
      );
      const report = combine(answers);
      remember(report, index);
      return report;
    },
  };
}

function combine(answers: readonly (readonly [string, HealthStatus])[]): HealthReport {
  const worstFirst = answers
    .filter(([, answer]) => answer.status !== "healthy")
    .toSorted(([, a], [, b]) => severity[b.status] - severity[a.status]);
  return Object.freeze({
    status: worstFirst[0]?.[1].status ?? "healthy",
    reasons: Object.freeze(
      worstFirst.flatMap(([name, answer]) => answer.reasons.map((reason) => `${name}: ${reason}`)),
    ),
    checks: Object.freeze(Object.fromEntries(answers)),
  });
}
