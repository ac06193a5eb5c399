const baseMs = 600_000;
const baseTokens = 256;

/**
 * How long an engine may make no step though it has work: 10 minutes, and in proportion more where a step may
 * hold more than 256 tokens. A large model on a slow processor takes minutes for such a step, not tens of them.
 */
export function defaultHangAfterMs(maxTokensPerStep: number): number {
  return baseMs * Math.max(1, maxTokensPerStep / baseTokens);
}
