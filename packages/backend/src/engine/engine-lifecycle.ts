import type { ClockPort } from "@infernode/inference";
import type { EngineState } from "./engine-client.ts";

export interface EngineLifecycleOptions {
  /** Crashes in a row that another process is started after. */
  readonly maxRestarts: number;
  /** A process that was ready for this long starts the count of crashes anew. */
  readonly stableAfterMs: number;
  readonly clock: ClockPort;
  readonly onChange: (from: EngineState, to: EngineState) => void;
}

/**
 * The states of a supervised engine; knows no process and no timer.
 *
 * `starting → ready ⇄ restarting`; from each of them `→ failed`, or `→ draining → stopped`.
 */
export interface EngineLifecycle {
  readonly state: EngineState;
  /** It drains, was stopped or has failed: no process is started any more. */
  readonly isEnding: boolean;
  /** In a row. */
  readonly crashCount: number;
  reasons(): readonly string[];
  becomeReady(): void;
  /** Counts a crash; whether another process is to be started. A first start stays one. */
  crash(): boolean;
  drain(): void;
  fail(reason: string): void;
  /** What failed stays failed. */
  stop(): void;
}

/** Creates the lifecycle of an engine that starts. */
export function createEngineLifecycle(options: EngineLifecycleOptions): EngineLifecycle {
  const { maxRestarts, stableAfterMs, clock } = options;
  let state: EngineState = "starting";
  let readyAtMs = 0;
  let crashCount = 0;
  let failure = "";

  const change = (to: EngineState): void => {
    if (to === state) return;
    const from = state;
    state = to;
    options.onChange(from, to);
  };
  const reasons = (): readonly string[] => {
    const again = `started again (crash ${crashCount} of at most ${maxRestarts} in a row)`;
    switch (state) {
      case "ready":
        return [];
      case "starting":
        return [
          crashCount === 0
            ? "the engine is loading the model"
            : `the engine crashed while it loaded the model and is ${again}`,
        ];
      case "restarting":
        return [`the engine crashed and is ${again}`];
      case "draining":
        return ["the daemon is draining: running work finishes, new work is refused"];
      case "stopped":
        return ["the engine was stopped"];
      case "failed":
        return [failure];
    }
  };

  return {
    get state() {
      return state;
    },
    get isEnding() {
      return state === "draining" || state === "stopped" || state === "failed";
    },
    get crashCount() {
      return crashCount;
    },
    reasons,
    becomeReady: () => {
      readyAtMs = clock.now();
      change("ready");
    },
    crash: () => {
      if (state === "ready" && clock.now() - readyAtMs >= stableAfterMs) crashCount = 0;
      crashCount++;
      if (state === "ready") change("restarting");
      return crashCount <= maxRestarts;
    },
    drain: () => change("draining"),
    fail: (why) => {
      failure = why;
      change("failed");
    },
    stop: () => {
      if (state !== "failed") change("stopped");
    },
  };
}
