/** Products of fewer rows than this cost as much as of this many. */
const minimumTokens = 32;
/** Weight of the newest measurement. */
const newestShare = 0.5;
/** Chunks are whole multiples of this. */
const grainTokens = 16;

/** What a step computed, and how long it took. */
export interface MeasuredStep {
  readonly prefillTokenCount: number;
  readonly decodeTokenCount: number;
  readonly forwardMs: number;
}

/** How many tokens of prompts a step may hold, so that it takes about as long as it should. */
export interface PrefillPace {
  readonly stepTokens: number;
  /** Learns from a step. */
  observe(step: MeasuredStep): void;
}

/**
 * Creates a pace that begins with few tokens and at most doubles from step to step. A step of prompts that runs
 * cannot be stopped, so its length is how late a cancelled request leaves and how long decodes wait.
 */
export function createPrefillPace(options: {
  /** Of the part of a step that computes prompts. */
  readonly targetMs: number;
  /** What a step may hold in any case. */
  readonly maxTokens: number;
}): PrefillPace {
  const { targetMs, maxTokens } = options;
  const floorTokens = Math.min(minimumTokens, maxTokens);
  let stepTokens = floorTokens;
  let msPerToken: number | undefined;
  /** Of steps that decode alone. */
  let decodeMs = 0;

  const mean = (known: number | undefined, newest: number): number =>
    known === undefined ? newest : newest * newestShare + known * (1 - newestShare);
  return {
    get stepTokens() {
      return stepTokens;
    },
    observe: ({ prefillTokenCount, decodeTokenCount, forwardMs }) => {
      if (prefillTokenCount === 0) {
        decodeMs = mean(decodeMs, forwardMs);
        return;
      }
      // A short rest of a prompt says little of longer chunks.
      if (prefillTokenCount < floorTokens) return;
      const prefillMs = Math.max(0, forwardMs - (decodeTokenCount > 0 ? decodeMs : 0));
      msPerToken = mean(msPerToken, prefillMs / prefillTokenCount);
      const fitting = Math.floor(targetMs / Math.max(msPerToken, 1e-6));
      const wanted = Math.min(fitting - (fitting % grainTokens), 2 * stepTokens);
      stepTokens = Math.min(maxTokens, Math.max(floorTokens, wanted));
    },
  };
}
