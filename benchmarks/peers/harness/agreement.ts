import { promptTokenIds } from "./measures.ts";
import type { RankedToken } from "./peer.ts";
import type { PeerProcess } from "./peer-process.ts";

const promptCount = 6;
const promptTokens = 64;
const rankedCount = 20;

/** How far two peers predict the same next tokens. */
export interface Agreement {
  /** Share of the 20 most likely tokens of one that are among those of the other. Of wrong networks: almost 0. */
  readonly topShare: number;
  /** Mean difference of the log-probabilities of tokens that both have. */
  readonly logprobDifference: number;
}

/** The shares that must be reached: errors of quantization add up in a network of random weights. */
export const requiredShare = { sameWeights: 0.9, differentWeights: 0.5 } as const;

/** The most likely tokens after the same prompts. */
export async function rankPrompts(
  peer: PeerProcess,
  vocabSize: number,
): Promise<readonly (readonly RankedToken[])[]> {
  const ranked: (readonly RankedToken[])[] = [];
  for (let seed = 1; seed <= promptCount; seed += 1) {
    const prompt = promptTokenIds(vocabSize, promptTokens, seed);
    ranked.push((await peer.ask({ op: "rank", prompt, count: rankedCount })).ranked);
  }
  return ranked;
}

export function compareRanks(
  ours: readonly (readonly RankedToken[])[],
  theirs: readonly (readonly RankedToken[])[],
): Agreement {
  let common = 0;
  let difference = 0;
  ours.forEach((ranked, at) => {
    const other = new Map(theirs[at]?.map(({ tokenId, logprob }) => [tokenId, logprob]));
    for (const { tokenId, logprob } of ranked) {
      const otherLogprob = other.get(tokenId);
      if (otherLogprob === undefined) continue;
      common += 1;
      difference += Math.abs(logprob - otherLogprob);
    }
  });
  return { topShare: common / (ours.length * rankedCount), logprobDifference: difference / common };
}
