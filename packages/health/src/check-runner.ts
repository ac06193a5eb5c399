import { formatMs, type HealthClock } from "./clock.ts";
import type { HealthCheck, HealthStatus } from "./health-status.ts";

/** Asks one check, in bounded time and without ever failing. */
export interface CheckRunner {
  readonly name: string;
  run(): HealthStatus | Promise<HealthStatus>;
}

interface PendingAnswer {
  readonly answer: Promise<HealthStatus>;
  readonly askedAtMs: number;
}

/**
 * Wraps a check: what throws, hangs or answers nonsense is unhealthy. A check that has not answered
 * yet is not asked again, so a hanging one costs one call, however often it is probed.
 */
export function createCheckRunner(options: {
  readonly check: HealthCheck;
  readonly timeoutMs: number;
  readonly clock: HealthClock;
}): CheckRunner {
  const { check, timeoutMs, clock } = options;
  const { name } = check;
  let pending: PendingAnswer | undefined;

  function ask(): HealthStatus | PendingAnswer {
    let answer: HealthStatus | Promise<HealthStatus>;
    try {
      answer = check.check();
    } catch (error) {
      return unhealthy(messageOf(error));
    }
    if (!isPromiseLike(answer)) return checked(answer);
    const asked: PendingAnswer = {
      answer: settle(answer).finally(() => {
        if (pending === asked) pending = undefined;
      }),
      askedAtMs: clock.now(),
    };
    return asked;
  }

  async function awaitAnswer(asked: PendingAnswer): Promise<HealthStatus> {
    const waitedMs = clock.now() - asked.askedAtMs;
    if (waitedMs >= timeoutMs) return unhealthy(`no answer for ${formatMs(waitedMs)}`);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<HealthStatus>((resolve) => {
      timer = setTimeout(
        () => resolve(unhealthy(`no answer within ${formatMs(timeoutMs)}`)),
        timeoutMs - waitedMs,
      );
    });
    try {
      return await Promise.race([asked.answer, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    name,
    run() {
      if (pending !== undefined) return awaitAnswer(pending);
      const asked = ask();
      if (!("answer" in asked)) return asked;
      pending = asked;
      return awaitAnswer(asked);
    },
  };
}

async function settle(answer: Promise<HealthStatus>): Promise<HealthStatus> {
  try {
    return checked(await answer);
  } catch (error) {
    return unhealthy(messageOf(error));
  }
}

function checked(answer: HealthStatus): HealthStatus {
  const status: unknown = answer?.status;
  if (status !== "healthy" && status !== "degraded" && status !== "unhealthy") {
    return unhealthy(`the check answered ${JSON.stringify(answer)}, not healthy, degraded or unhealthy`);
  }
  const reasons: unknown = answer.reasons;
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
