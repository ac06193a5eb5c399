import type { GenerationTimes, Peer } from "./peer.ts";

/** Fewer tokens of a stream between the others' first and last ones say too little. */
const minWindowTokens = 8;

/**
 * Generates and measures. The rate of several streams counts what comes after the last stream's first token and before
 * the first stream's last one: all streams decode then.
 */
export async function timeGeneration(
  peer: Peer,
  prompts: readonly (readonly number[])[],
  tokenCount: number,
): Promise<GenerationTimes> {
  const tokenIds: number[][] = prompts.map(() => []);
  const times: number[][] = prompts.map(() => []);
  const startedAt = performance.now();
  await peer.generate(prompts, tokenCount, (stream, tokenId) => {
    tokenIds[stream]!.push(tokenId);
    times[stream]!.push(performance.now());
  });
  for (const each of tokenIds) {
    if (each.length !== tokenCount) throw new Error(`expected ${tokenCount} tokens, got ${each.length}`);
  }
  const windowStart = Math.max(...times.map((each) => each[0]!));
  const firstTokensMs = windowStart - startedAt;
  if (tokenCount === 1) return { firstTokensMs, tokenIds };
  const windowEnd = Math.min(...times.map((each) => each.at(-1)!));
  const counts = times.map((each) => each.filter((time) => time > windowStart && time <= windowEnd).length);
  if (Math.min(...counts) < Math.min(minWindowTokens, tokenCount - 1)) {
    throw new Error(`the streams decode together for ${Math.min(...counts)} tokens only`);
  }
  const count = counts.reduce((sum, each) => sum + each, 0);
  return { firstTokensMs, tokenIds, decodeTokensPerSecond: (count * 1000) / (windowEnd - windowStart) };
}
