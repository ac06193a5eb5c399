import type { ClockPort } from "@infernode/inference";
import type { ModelStats } from "../model-service.ts";

/** For how long an engine process has been inactive. Only time in which this process runs is counted. */
export interface ActivityMonitor {
  /** Since the start. */
  elapsedMs(): number;
  /** Since the last message. */
  silentMs(): number;
  /** Since the last message that reported a new step, a tokenized prompt, or no work. */
  stalledMs(): number;
  /** Takes note of a message, and of the engine's numbers where it has them; one without them is progress. */
  record(stats?: ModelStats): void;
  stop(): void;
}

export interface ActivityMonitorOptions {
  readonly clock: ClockPort;
  /** How often `onTick` is called. */
  readonly tickMs: number;
  readonly onTick: () => void;
}

/** Grows with every sign of progress. */
function progressOf(stats: ModelStats | undefined): number {
  return (stats?.stepCount ?? 0) + (stats?.preparedPromptCount ?? 0);
}

/**
 * Starts to measure. After the machine slept, or this process was stopped by SIGSTOP, a tick comes late; of the time
 * since the last one, two ticks are counted at most.
 */
export function startActivityMonitor({ clock, tickMs, onTick }: ActivityMonitorOptions): ActivityMonitor {
  let countedMs = 0;
  let countedAtMs = clock.now();
  let messageAtMs = 0;
  let progressAtMs = 0;
  let latest: ModelStats | undefined;
  const elapsedMs = (): number => countedMs + Math.min(clock.now() - countedAtMs, 2 * tickMs);
  const timer = setInterval(() => {
    countedMs = elapsedMs();
    countedAtMs = clock.now();
    onTick();
  }, tickMs);
  return {
    elapsedMs,
    silentMs: () => elapsedMs() - messageAtMs,
    stalledMs: () => elapsedMs() - progressAtMs,
    record: (stats) => {
      messageAtMs = elapsedMs();
      const hasWork = stats !== undefined && stats.runningSequenceCount + stats.waitingRequestCount > 0;
      if (!hasWork || progressOf(stats) !== progressOf(latest)) progressAtMs = messageAtMs;
      latest = stats ?? latest;
    },
    stop: () => clearInterval(timer),
  };
}
