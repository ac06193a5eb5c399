import { setTimeout as sleep } from "node:timers/promises";
import { quantile } from "../../lib/statistics.ts";
import { ask } from "../support/ask.ts";
import { startLatencyProbe } from "../support/latency-probe.ts";
import { createVerdict, type Scenario } from "../support/scenario.ts";
import { createTally, isCut, isServerError, isWhole } from "../support/tally.ts";

const maxAttempts = 10;

/** All clients at once; a refused client retries after `Retry-After`. */
export const crowd: Scenario = {
  name: "crowd",
  summary: "1,000 clients at once: answered, or 429 with a Retry-After that is true",
  run: async ({ isQuick, start }) => {
    const clientCount = isQuick ? 400 : 1000;
    const verdict = createVerdict();
    const all = createTally();
    const attempts: number[] = [];
    const retryAfters: number[] = [];
    let withoutRetryAfter = 0;
    await using daemon = await start();
    const { url, model } = daemon;
    await ask(url, { path: "/v1/completions", body: { model, prompt: "A", max_tokens: 1 } });
    // The gauge is the delay since the last reading; this reading excludes the start.
    await daemon.metric("infernode_event_loop_delay_seconds");
    const probe = startLatencyProbe(url);
    const client = async (index: number): Promise<void> => {
      const body = { model, prompt: `Client ${index} says`, max_tokens: 16, stream: index % 2 === 0 };
      for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
        const outcome = await ask(url, { path: "/v1/completions", body });
        all.add(outcome);
        if (outcome.kind === "whole") attempts.push(attempt);
        if (outcome.kind !== "refused" || outcome.status !== 429) return;
        const { retryAfterS } = outcome;
        if (!(Number.isInteger(retryAfterS) && retryAfterS >= 1 && retryAfterS <= 60)) {
          withoutRetryAfter += 1;
          return;
        }
        retryAfters.push(retryAfterS);
        await sleep(retryAfterS * 1000);
      }
    };
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: clientCount }, (_, index) => client(index)));
    const totalMs = performance.now() - startedAt;
    const live = await probe.stop();
    const loopDelayMs = 1000 * (await daemon.metric("infernode_event_loop_delay_seconds", '"100"'));

    verdict.expect(daemon.isRunning, `the daemon ended:\n${daemon.lastLines()}`);
    verdict.expect(all.count(isCut) === 0, `cut: ${all.describe()}`);
    verdict.expect(all.count(isServerError) === 0, `5xx: ${all.describe()}`);
    verdict.expect(withoutRetryAfter === 0, `${withoutRetryAfter} refusals without a Retry-After of 1 to 60`);
    verdict.expect(
      attempts.length === clientCount,
      `${clientCount - attempts.length} clients were not answered in ${maxAttempts} attempts`,
    );
    verdict.expect(live.failureCount === 0, `/health/live failed ${live.failureCount} times`);
    verdict.expect(isQuick || live.maxMs < 2000, `/health/live took up to ${live.maxMs} ms`);
    return {
      figures: {
        clients: clientCount,
        answered: all.count(isWhole),
        outcomes: all.describe(),
        attemptsMedian: quantile(attempts, 0.5),
        attemptsMax: Math.max(0, ...attempts),
        retryAfterMaxS: Math.max(0, ...retryAfters),
        totalMs: Math.round(totalMs),
        eventLoopDelayMaxMs: Math.round(loopDelayMs),
        liveMedianMs: live.medianMs,
        liveP99Ms: live.p99Ms,
        liveMaxMs: live.maxMs,
      },
      faults: verdict.faults,
    };
  },
};
