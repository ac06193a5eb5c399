import type { HealthChecker, HealthReport } from "./health-status.ts";
import { assertKnownOptions, assertPositive } from "./options.ts";

/** Options of `startHealthMonitor`. */
export interface HealthMonitorOptions {
  readonly checker: HealthChecker;
  /** From the end of one report to the start of the next. */
  readonly intervalMs: number;
  /** Called with every report. [none] */
  readonly onReport?: (report: HealthReport) => void;
  /** Called with what a report, a sink or `onReport` threw; the monitor continues. [a process warning] */
  readonly onError?: (error: unknown) => void;
}

/** Runs a checker periodically until it is disposed. */
export interface HealthMonitor extends Disposable {
  dispose(): void;
}

/**
 * Starts periodic reports, the first one immediately; reports never overlap. The timer does not keep the process alive.
 * @throws HealthError `INVALID_OPTION`
 */
export function startHealthMonitor(options: HealthMonitorOptions): HealthMonitor {
  assertKnownOptions("startHealthMonitor", options, ["checker", "intervalMs", "onReport", "onError"]);
  const { checker, intervalMs, onReport, onError = warn } = options;
  assertPositive("intervalMs", intervalMs);
  let isDisposed = false;
  let timer: NodeJS.Timeout | undefined;

  async function run(): Promise<void> {
    try {
      const report = await checker.report();
      if (!isDisposed) onReport?.(report);
    } catch (error) {
      if (!isDisposed) onError(error);
    }
    if (!isDisposed) timer = setTimeout(() => void run(), intervalMs).unref();
  }

  function dispose(): void {
    isDisposed = true;
    clearTimeout(timer);
  }

  void run();
  return { dispose, [Symbol.dispose]: dispose };
}

function warn(error: unknown): void {
  process.emitWarning(`a health report failed: ${String(error)}`, "HealthMonitorWarning");
}
