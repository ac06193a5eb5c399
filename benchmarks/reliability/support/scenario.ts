import type { StartOptions, WatchedDaemon } from "./watched-daemon.ts";

/** What a scenario is given. */
export interface ScenarioContext {
  /** Small sizes, for a check that takes seconds. */
  readonly isQuick: boolean;
  /** Starts the daemon that is tried, and waits until it is ready. */
  readonly start: (options?: StartOptions) => Promise<WatchedDaemon>;
}

/** Numbers and short texts by name; the name carries the unit. */
export type Figures = Readonly<Record<string, number | string>>;

export interface ScenarioResult {
  readonly figures: Figures;
  /** What was promised and not kept; none means passed. */
  readonly faults: readonly string[];
}

export interface Scenario {
  readonly name: string;
  readonly summary: string;
  run(context: ScenarioContext): Promise<ScenarioResult>;
}

/** Collects what was promised and not kept. */
export interface Verdict {
  readonly faults: readonly string[];
  expect(isKept: boolean, fault: string): void;
}

export function createVerdict(): Verdict {
  const faults: string[] = [];
  return {
    faults,
    expect: (isKept, fault) => {
      if (!isKept) faults.push(fault);
    },
  };
}
