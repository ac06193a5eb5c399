/** How much an engine holds at once. */
export interface EngineSizes {
  readonly maxSequences: number;
  readonly contextTokens: number;
}

export interface FitEngineSizesOptions {
  /** As configured; an undefined size may be reduced. */
  readonly requested: { readonly [Name in keyof EngineSizes]: number | undefined };
  readonly modelContextTokens: number;
  readonly budgetBytes: number;
  /** Where it is not configured. [16] */
  readonly defaultMaxSequences?: number | undefined;
  readonly planBytes: (sizes: EngineSizes) => number;
}

/** Enough for a conversation; below it, fewer sequences are preferred over a shorter context. */
const preferredContextTokens = 8192;
const minContextTokens = 512;

/**
 * Chooses sizes whose plan fits the budget: first a shorter context, down to 8192 tokens, then fewer
 * sequences, then a context of at least 512. Configured sizes are never changed. If nothing fits, the
 * smallest sizes are returned, and the memory check refuses them with the numbers.
 */
export function fitEngineSizes(options: FitEngineSizesOptions): EngineSizes {
  const { requested, modelContextTokens, budgetBytes, planBytes, defaultMaxSequences = 16 } = options;
  let maxSequences = requested.maxSequences ?? defaultMaxSequences;
  let contextTokens = requested.contextTokens ?? modelContextTokens;
  const fits = (): boolean => planBytes({ maxSequences, contextTokens }) <= budgetBytes;
  const shrinkContext = (leastTokens: number): void => {
    if (requested.contextTokens !== undefined) return;
    while (!fits() && contextTokens > leastTokens) {
      contextTokens = Math.max(leastTokens, Math.floor(contextTokens / 2));
    }
  };
  shrinkContext(Math.min(preferredContextTokens, modelContextTokens));
  if (requested.maxSequences === undefined) {
    while (!fits() && maxSequences > 1) maxSequences = Math.floor(maxSequences / 2);
  }
  shrinkContext(Math.min(minContextTokens, modelContextTokens));
  return { maxSequences, contextTokens };
}
