import type { Outcome } from "./ask.ts";

/** Counts how requests ended. */
export interface Tally {
  add(outcome: Outcome): void;
  /** Requests by how they ended: `whole`, `429 queue_full`, `failed engine_crashed`, `cut …`. */
  readonly counts: ReadonlyMap<string, number>;
  readonly wholeMs: readonly number[];
  count(fits: (key: string) => boolean): number;
  /** `whole 812, 429 queue_full 4`. */
  describe(): string;
}

function keyOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case "refused":
      return `${outcome.status} ${outcome.code}`;
    case "failed":
      return `error event ${outcome.code}`;
    case "cut":
      return `cut: ${outcome.why}`;
    case "whole":
    case "aborted":
      return outcome.kind;
  }
}

export function createTally(): Tally {
  const counts = new Map<string, number>();
  const wholeMs: number[] = [];
  return {
    add: (outcome) => {
      const key = keyOf(outcome);
      counts.set(key, (counts.get(key) ?? 0) + 1);
      if (outcome.kind === "whole") wholeMs.push(outcome.ms);
    },
    counts,
    wholeMs,
    count: (fits) => [...counts].reduce((sum, [key, count]) => (fits(key) ? sum + count : sum), 0),
    describe: () => [...counts].map(([key, count]) => `${key} ${count}`).join(", ") || "none",
  };
}

export const isWhole = (key: string): boolean => key === "whole";
export const isCut = (key: string): boolean => key.startsWith("cut");
export const isServerError = (key: string): boolean => /^5\d\d /.test(key);
