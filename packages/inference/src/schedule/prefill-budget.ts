/** A chunk of fewer tokens takes as long as one of this many. */
const minimumTokens = 32;
/** Weight of the last measurement. */
const latestShare = 0.5;
/** The budget is a multiple of this. */
const grainTokens = 16;

/** What a step computed, and how long it took. */
export interface MeasuredStep {
  readonly prefillTokenCount: number;
  readonly decodeTokenCount: number;
  readonly forwardMs: number;
}

/** How many prompt tokens a step may compute, so that it takes about its target time. */
export interface PrefillBudget {
  readonly stepTokens: number;
  /** Adjusts the budget to a step's time. */
  observe(step: MeasuredStep): void;
}

/**
 * Creates a budget that begins with few tokens and at most doubles from step to step. A running step cannot be
 * stopped, so its time is how late a cancelled request leaves and how long decodes wait.
 */
export function createPrefillBudget(options: {
  /** Of the prefill part of a step. */
  readonly targetMs: number;
  /** Upper limit of the budget. */
  readonly maxTokens: number;
}): PrefillBudget {
  const { targetMs, maxTokens } = options;
  const floorTokens = Math.min(minimumTokens, maxTokens);
  let stepTokens = floorTokens;
  let msPerToken: number | undefined;
  /** Of steps without prefill. */
  let decodeMs = 0;

  const mean = (known: number | undefined, latest: number): number =>
    known === undefined ? latest : latest * latestShare + known * (1 - latestShare);
  return {
    get stepTokens() {
      return stepTokens;
    },
    observe: ({ prefillTokenCount, decodeTokenCount, forwardMs }) => {
      if (prefillTokenCount === 0) {
        decodeMs = mean(decodeMs, forwardMs);
        return;
      }
      // The time of a short last chunk says little of longer ones.
      if (prefillTokenCount < floorTokens) return;
      const prefillMs = Math.max(0, forwardMs - (decodeTokenCount > 0 ? decodeMs : 0));
      msPerToken = mean(msPerToken, prefillMs / prefillTokenCount);
      const fitting = Math.floor(targetMs / Math.max(msPerToken, 1e-6));
      const target = Math.min(fitting - (fitting % grainTokens), 2 * stepTokens);
      stepTokens = Math.min(maxTokens, Math.max(floorTokens, target));
    },
  };
}
