import type { StartOptions, WatchedDaemon } from "./watched-daemon.ts";

/** The context of a scenario. */
export interface ScenarioContext {
  /** Small sizes, for a check within seconds. */
  readonly isQuick: boolean;
  /** For scenarios that run as long as they are told to. [theirs] */
  readonly seconds?: number | undefined;
  /** Of what is random in them. [1] */
  readonly seed?: number | undefined;
  /** Starts the daemon under test, and waits until it is ready. */
  readonly start: (options?: StartOptions) => Promise<WatchedDaemon>;
}

/** Numbers and short strings by name; the name has the unit. */
export type Figures = Readonly<Record<string, number | string>>;

export interface ScenarioResult {
  readonly figures: Figures;
  /** Expectations that failed; none means passed. */
  readonly faults: readonly string[];
}

export interface Scenario {
  readonly name: string;
  readonly summary: string;
  run(context: ScenarioContext): Promise<ScenarioResult>;
}

/** Collects failed expectations. */
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
