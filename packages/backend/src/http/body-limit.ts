/** A request for a short context has other fields too; a batch has several prompts. */
const leastBytes = 2 * 2 ** 20;
const mostBytes = 8 * 2 ** 20;

/** More than a token of any text takes in JSON: 21 escaped characters, or a long run of blanks. */
const bytesPerToken = 128;

/**
 * The largest body that is taken: what was configured, else the longest that could fit the context, and the most
 * while the context is not known.
 */
export function bodyLimitOf(configuredBytes: number | undefined, contextTokens: number | undefined): number {
  if (configuredBytes !== undefined) return configuredBytes;
  if (contextTokens === undefined) return mostBytes;
  return Math.min(mostBytes, Math.max(leastBytes, contextTokens * bytesPerToken));
}
