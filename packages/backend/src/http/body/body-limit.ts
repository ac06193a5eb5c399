/** A request for a short context has other fields too, and may have several prompts. */
const minBytes = 2 * 2 ** 20;
const maxBytes = 8 * 2 ** 20;

/** More than any token takes in JSON: 21 escaped characters, or a long run of blanks. */
const bytesPerToken = 128;

/**
 * The largest body that is accepted: as configured, else the largest that could fit the context; the maximum while
 * the context is unknown.
 */
export function bodyLimitOf(configuredBytes: number | undefined, contextTokens: number | undefined): number {
  if (configuredBytes !== undefined) return configuredBytes;
  if (contextTokens === undefined) return maxBytes;
  return Math.min(maxBytes, Math.max(minBytes, contextTokens * bytesPerToken));
}
