import { formatMs, type HealthClock } from "./clock.ts";
import type { HealthCheck, HealthStatus } from "./health-status.ts";

/** Runs one check in bounded time; never throws or rejects. */
export interface CheckRunner {
  readonly name: string;
  run(): HealthStatus | Promise<HealthStatus>;
}

interface PendingCheck {
  readonly result: Promise<HealthStatus>;
  readonly startedAtMs: number;
}

/**
 * Wraps a check: a check that throws, times out or returns an invalid status is unhealthy. A pending check is not
 * started again, so that a hung one costs one call, however often it is probed.
 */
export function createCheckRunner(options: {
  readonly check: HealthCheck;
  readonly timeoutMs: number;
  readonly clock: HealthClock;
}): CheckRunner {
  const { check, timeoutMs, clock } = options;
  const { name } = check;
  let pending: PendingCheck | undefined;

  function start(): HealthStatus | PendingCheck {
    let result: HealthStatus | Promise<HealthStatus>;
    try {
      result = check.check();
    } catch (error) {
      return unhealthy(messageOf(error));
    }
    if (!isPromiseLike(result)) return validated(result);
    const started: PendingCheck = {
      result: settle(result).finally(() => {
        if (pending === started) pending = undefined;
      }),
      startedAtMs: clock.now(),
    };
    return started;
  }

  async function awaitResult(started: PendingCheck): Promise<HealthStatus> {
    const waitedMs = clock.now() - started.startedAtMs;
    if (waitedMs >= timeoutMs) return unhealthy(`no result for ${formatMs(waitedMs)}`);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<HealthStatus>((resolve) => {
      timer = setTimeout(
        () => resolve(unhealthy(`timed out after ${formatMs(timeoutMs)}`)),
        timeoutMs - waitedMs,
      );
    });
    try {
      return await Promise.race([started.result, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    name,
    run() {
      if (pending !== undefined) return awaitResult(pending);
      const started = start();
      if (!("result" in started)) return started;
      pending = started;
      return awaitResult(started);
    },
  };
}

async function settle(result: Promise<HealthStatus>): Promise<HealthStatus> {
  try {
    return validated(await result);
  } catch (error) {
    return unhealthy(messageOf(error));
  }
}

function validated(result: HealthStatus): HealthStatus {
  const status: unknown = result?.status;
  if (status !== "healthy" && status !== "degraded" && status !== "unhealthy") {
    return unhealthy(`expected a status of healthy, degraded or unhealthy, got ${JSON.stringify(result)}`);
  }
  const reasons: unknown = result.reasons;
  const texts = Array.isArray(reasons) ? reasons.map(String) : [];
  if (texts.length === 0 && status !== "healthy") texts.push("no reason given");
  return Object.freeze({ status, reasons: Object.freeze(texts) });
}

function unhealthy(reason: string): HealthStatus {
  return Object.freeze({ status: "unhealthy", reasons: Object.freeze([reason]) });
}

function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message === "" ? error.name : error.message;
  return String(error);
}

function isPromiseLike(value: unknown): value is Promise<HealthStatus> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
