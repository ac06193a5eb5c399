import type { PrefillLimits } from "./scheduler.ts";

/** A chunk of fewer tokens takes as long as one of this many. */
const minimumTokens = 32;
/** Weight of the last measurement. */
const latestShare = 0.5;
/** The budget is a multiple of this. */
const grainTokens = 16;
/** A step of prefill only may take this many times as long. */
const prefillOnlyFactor = 4;

/** What a step computed, and how long it took. */
export interface MeasuredStep {
  readonly prefillTokenCount: number;
  readonly decodeTokenCount: number;
  readonly forwardMs: number;
}

/** Sizes steps so that they take about their target time. */
export interface PrefillBudget extends PrefillLimits {
  /** Adjusts the budget to a step's time. */
  observe(step: MeasuredStep): void;
}

/**
 * Creates a budget that begins with few tokens; a step has at most twice those of the longest one measured. A running
 * step cannot be stopped: its time is how long its sequences wait for a token, and how late a cancelled one leaves.
 */
export function createPrefillBudget(options: {
  /** Of the prefill part of a step in which a sequence gets a token. */
  readonly targetMs: number;
  /** Upper limit of the budget. */
  readonly maxTokens: number;
}): PrefillBudget {
  const { targetMs, maxTokens } = options;
  const floorTokens = Math.min(minimumTokens, maxTokens);
  let longestTokens = 0;
  let msPerToken = Number.POSITIVE_INFINITY;
  /** Of steps without prefill. */
  let decodeMs = 0;

  const fitting = (ms: number): number => {
    const tokens = Math.min(Math.floor(ms / msPerToken), 2 * longestTokens);
    return Math.min(maxTokens, Math.max(floorTokens, tokens - (tokens % grainTokens)));
  };
  return {
    get mixedTokens() {
      return fitting(targetMs);
    },
    get prefillOnlyTokens() {
      return fitting(prefillOnlyFactor * targetMs);
    },
    observe: ({ prefillTokenCount, decodeTokenCount, forwardMs }) => {
      if (prefillTokenCount === 0) {
        decodeMs = mean(decodeMs, forwardMs);
        return;
      }
      // The time of a short last chunk says little of longer ones.
      if (prefillTokenCount < floorTokens) return;
      const prefillMs = Math.max(0, forwardMs - (decodeTokenCount > 0 ? decodeMs : 0));
      const latest = Math.max(prefillMs / prefillTokenCount, 1e-6);
      msPerToken = longestTokens === 0 ? latest : mean(msPerToken, latest);
      longestTokens = Math.max(longestTokens, prefillTokenCount);
    },
  };
}

function mean(known: number, latest: number): number {
  return latest * latestShare + known * (1 - latestShare);
}
