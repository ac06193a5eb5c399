import type { ClockPort } from "@infernode/inference";
import type { EngineState } from "../model-service.ts";

export interface EngineLifecycleOptions {
  /** Crashes in a row, without an answer between them, after which a process is started again. */
  readonly maxRestarts: number;
  /** A crash of a process that was ready for this long is counted as the first one. */
  readonly stableAfterMs: number;
  readonly clock: ClockPort;
  readonly onChange: (from: EngineState, to: EngineState) => void;
}

/** What is known about a crash. */
export interface CrashCircumstances {
  /** The process had sent a part of an answer: the engine can run, and its crash is counted as the first one. */
  readonly hasServed: boolean;
  /** A request was the cause and fails: neither this crash nor the one before counts. */
  readonly isAttributed: boolean;
  /** What the engine process said before it ended, such as that its device was lost. */
  readonly cause?: string | undefined;
}

/**
 * The states of a supervised engine, without processes and timers.
 *
 * `starting → ready ⇄ restarting`; from each of them `→ failed`, or `→ draining → stopped`.
 */
export interface EngineLifecycle {
  readonly state: EngineState;
  /** It is draining, stopped or failed: no process is started again. */
  readonly isEnding: boolean;
  /** In a row. */
  readonly crashCount: number;
  reasons(): readonly string[];
  becomeReady(): void;
  /** Counts a crash; returns whether a process is to be started again. */
  crash(circumstances: CrashCircumstances): boolean;
  /** The process does something before it loads the model, which `reasons` include; or does not any more. */
  occupy(reason: string | undefined): void;
  /** The next process cannot be started yet; `reasons` include why until one is ready. */
  postpone(reason: string): void;
  drain(): void;
  fail(reason: string): void;
  /** A failed engine stays failed. */
  stop(): void;
}

/** Creates the lifecycle of an engine that starts. */
export function createEngineLifecycle(options: EngineLifecycleOptions): EngineLifecycle {
  const { maxRestarts, stableAfterMs, clock } = options;
  let state: EngineState = "starting";
  let readyAtMs = 0;
  let crashCount = 0;
  let failure = "";
  let crashCause: string | undefined;
  let postponedFor: string | undefined;
  let occupiedWith: string | undefined;

  const change = (to: EngineState): void => {
    if (to === state) return;
    const from = state;
    state = to;
    options.onChange(from, to);
  };
  const reasons = (): readonly string[] => {
    const count = crashCount === 0 ? "" : ` (crash ${crashCount} of at most ${maxRestarts} in a row)`;
    const crashed = `the engine crashed${crashCause === undefined ? "" : ` (${crashCause})`}`;
    const notes = [postponedFor, occupiedWith].map((note) => (note === undefined ? "" : `; ${note}`));
    const again = `started again${count}${notes.join("")}`;
    switch (state) {
      case "ready":
        return [];
      case "starting":
        return [
          crashCount === 0
            ? (postponedFor ?? occupiedWith ?? "the engine is loading the model")
            : `${crashed} while it loaded the model and is ${again}`,
        ];
      case "restarting":
        return [`${crashed} and is ${again}`];
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
      postponedFor = undefined;
      occupiedWith = undefined;
      change("ready");
    },
    crash: ({ hasServed, isAttributed, cause }) => {
      crashCause = cause;
      occupiedWith = undefined;
      const wasReady = state === "ready";
      if (wasReady && (hasServed || clock.now() - readyAtMs >= stableAfterMs)) crashCount = 0;
      if (isAttributed) crashCount = Math.max(0, crashCount - 1);
      else crashCount += 1;
      if (wasReady) change("restarting");
      return crashCount <= maxRestarts;
    },
    occupy: (reason) => {
      occupiedWith = reason;
    },
    postpone: (reason) => {
      postponedFor = reason;
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
