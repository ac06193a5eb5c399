import type { HealthChecker, HealthReport } from "./health-status.ts";
import { assertKnownOptions, assertPositive } from "./options.ts";

/** What `startHealthMonitor` takes. */
export interface HealthMonitorOptions {
  readonly checker: HealthChecker;
  /** From the end of one report to the start of the next. */
  readonly intervalMs: number;
  /** Is given every report. [nobody] */
  readonly onReport?: (report: HealthReport) => void;
  /** Is given what a report, a sink or `onReport` threw; the monitor goes on. [a process warning] */
  readonly onError?: (error: unknown) => void;
}

/** Asks a checker again and again until it is disposed. */
export interface HealthMonitor extends Disposable {
  dispose(): void;
}

/**
 * Starts periodic reports, the first one at once; reports never overlap. The timer does not keep the process alive.
 * @throws HealthError `INVALID_OPTION`
 */
export function startHealthMonitor(options: HealthMonitorOptions): HealthMonitor {
  assertKnownOptions("startHealthMonitor", options, ["checker", "intervalMs", "onReport", "onError"]);
  const { checker, intervalMs, onReport, onError = warn } = options;
  assertPositive("intervalMs", intervalMs);
  let isDisposed = false;
  let timer: NodeJS.Timeout | undefined;

  async function look(): Promise<void> {
    try {
      const report = await checker.report();
      if (!isDisposed) onReport?.(report);
    } catch (error) {
      if (!isDisposed) onError(error);
    }
    if (!isDisposed) timer = setTimeout(() => void look(), intervalMs).unref();
  }

  function dispose(): void {
    isDisposed = true;
    clearTimeout(timer);
  }

  void look();
  return { dispose, [Symbol.dispose]: dispose };
}

function warn(error: unknown): void {
  process.emitWarning(`a health report failed: ${String(error)}`, "HealthMonitorWarning");
}
