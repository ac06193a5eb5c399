import { ModelError } from "../errors.ts";

/** Of comparisons of parts of tokens, which take time by the square of a token's length. */
const maxWork = 2 ** 30;

/**
 * The merges of a SentencePiece vocabulary: each pair of tokens that makes another token, the pair with the highest
 * score of what it makes first. A score is the place in training at which a token was made.
 *
 * @throws ModelError `INVALID_TOKENIZER` for tokens so long that this would take minutes
 * @see transformers, `convert_slow_tokenizer.py`, `generate_merges`
 */
export function sentencePieceMerges(
  tokenIds: ReadonlyMap<string, number>,
  scores: readonly number[],
): readonly (readonly [string, string])[] {
  let work = 0;
  for (const token of tokenIds.keys()) work += token.length ** 2;
  if (work > maxWork) {
    const mismatch = { expected: "tokens of some characters", got: "tokens too long to be merged" };
    throw new ModelError("INVALID_TOKENIZER", mismatch, { field: "tokens" });
  }
  const merges: {
    readonly pair: readonly [string, string];
    readonly score: number;
    readonly order: number;
  }[] = [];
  for (const [token, id] of tokenIds) {
    const pairs: {
      readonly pair: readonly [string, string];
      readonly left: number;
      readonly right: number;
    }[] = [];
    for (let cut = 1; cut < token.length; cut += 1) {
      const pair = [token.slice(0, cut), token.slice(cut)] as const;
      const left = tokenIds.get(pair[0]);
      const right = tokenIds.get(pair[1]);
      if (left !== undefined && right !== undefined) pairs.push({ pair, left, right });
    }
    const sorted = pairs.toSorted((a, b) => a.left - b.left || a.right - b.right);
    for (const { pair } of sorted) merges.push({ pair, score: scores[id] ?? 0, order: merges.length });
  }
  return merges.toSorted((a, b) => b.score - a.score || a.order - b.order).map(({ pair }) => pair);
}
