import type { ExpertRouting } from "@infernode/models";

/** Which experts tokens are sent to. A pair of a token and one of its experts is `token · expertsPerToken + rank`. */
export interface Routes {
  /** For each expert, the tokens that are sent to it. */
  readonly tokensOf: readonly number[][];
  /** `(pairs)` where the result of a pair is, among those of all experts in their order. */
  readonly places: Int32Array;
  /** `(pairs)` */
  readonly weights: Float32Array;
}

/** Chooses experts by logits `(tokens, expertCount)`. */
export function route(logits: Float32Array, routing: Omit<ExpertRouting<unknown>, "logits">): Routes {
  const { expertCount, expertsPerToken, areWeightsNormalized } = routing;
  const tokenCount = logits.length / expertCount;
  const pairCount = tokenCount * expertsPerToken;
  const tokensOf = Array.from({ length: expertCount }, (): number[] => []);
  const chosen = new Int32Array(pairCount);
  const ranks = new Int32Array(pairCount);
  const weights = new Float32Array(pairCount);
  const order = Array.from({ length: expertCount }, (_, index) => index);
  for (let token = 0; token < tokenCount; token += 1) {
    const own = logits.subarray(token * expertCount, (token + 1) * expertCount);
    const best = order.toSorted((a, b) => own[b]! - own[a]! || a - b).slice(0, expertsPerToken);
    const highest = own[best[0]!]!;
    const share = (expert: number): number => Math.exp(own[expert]! - highest);
    const total = (areWeightsNormalized ? best : order).reduce((sum, expert) => sum + share(expert), 0);
    for (const [rank, expert] of best.entries()) {
      const pair = token * expertsPerToken + rank;
      chosen[pair] = expert;
      ranks[pair] = tokensOf[expert]!.push(token) - 1;
      weights[pair] = share(expert) / total;
    }
  }
  let start = 0;
  const starts = tokensOf.map(({ length }) => {
    start += length;
    return start - length;
  });
  const places = chosen.map((expert, pair) => starts[expert]! + ranks[pair]!);
  return { tokensOf, places, weights };
}
