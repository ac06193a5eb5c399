/** How much an engine holds at once. */
export interface EngineSizes {
  readonly maxSequences: number;
  readonly contextTokens: number;
}

export interface FitEngineSizesOptions {
  /** As asked for; what is undefined may be made smaller. */
  readonly wanted: { readonly [Name in keyof EngineSizes]: number | undefined };
  readonly modelContextTokens: number;
  readonly budgetBytes: number;
  readonly planBytes: (sizes: EngineSizes) => number;
}

const defaultMaxSequences = 16;
/** A conversation needs this much; below it, fewer answers at once are the smaller loss. */
const preferredContextTokens = 8192;
const minContextTokens = 512;

/**
 * Chooses sizes whose plan fits the budget: first a shorter context, down to 8192 tokens, then fewer
 * sequences, then a context of at least 512. What was asked for is never changed; when nothing fits,
 * the smallest is answered, for the check that refuses it with the numbers.
 */
export function fitEngineSizes(options: FitEngineSizesOptions): EngineSizes {
  const { wanted, modelContextTokens, budgetBytes, planBytes } = options;
  let maxSequences = wanted.maxSequences ?? defaultMaxSequences;
  let contextTokens = wanted.contextTokens ?? modelContextTokens;
  const fits = (): boolean => planBytes({ maxSequences, contextTokens }) <= budgetBytes;
  const shrinkContext = (leastTokens: number): void => {
    if (wanted.contextTokens !== undefined) return;
    while (!fits() && contextTokens > leastTokens) {
      contextTokens = Math.max(leastTokens, Math.floor(contextTokens / 2));
    }
  };
  shrinkContext(Math.min(preferredContextTokens, modelContextTokens));
  if (wanted.maxSequences === undefined) {
    while (!fits() && maxSequences > 1) maxSequences = Math.floor(maxSequences / 2);
  }
  shrinkContext(Math.min(minContextTokens, modelContextTokens));
  return { maxSequences, contextTokens };
}
