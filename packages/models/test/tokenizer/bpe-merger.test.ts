import { describe, expect, it } from "vitest";

import { createBpeMerger } from "../../src/tokenizer/bpe-merger.ts";
import { createRandom } from "../../../../benchmarks/lib/random.ts";

/** The definition: merge the pair of lowest rank, leftmost first, until there is none. */
function mergeByDefinition(word: string, merges: readonly (readonly [string, string])[]): string[] {
  const ranks = new Map(merges.map(([left, right], rank) => [`${left} ${right}`, rank]));
  const symbols = Array.from(word);
  for (;;) {
    let best = -1;
    let bestRank = Infinity;
    for (let at = 0; at + 1 < symbols.length; at += 1) {
      const rank = ranks.get(`${symbols[at]} ${symbols[at + 1]}`) ?? Infinity;
      if (rank < bestRank) {
        best = at;
        bestRank = rank;
      }
    }
    if (best < 0) {
      return symbols;
    }
    symbols.splice(best, 2, `${symbols[best]}${symbols[best + 1]}`);
  }
}

describe("createBpeMerger", () => {
  it("merges random words as by the definition", () => {
    const random = createRandom(77);
    const pick = (items: readonly string[]): string => items[Math.floor(random() * items.length)] ?? "";
    for (let round = 0; round < 60; round += 1) {
      const tokens = ["a", "b", "c", "é", "🎉"];
      const merges: [string, string][] = [];
      for (let count = 0; count < 40; count += 1) {
        const pair: [string, string] = [pick(tokens), pick(tokens)];
        if (!merges.some(([left, right]) => left === pair[0] && right === pair[1])) {
          merges.push(pair);
          tokens.push(pair.join(""));
        }
      }
      const tokenIds = new Map(tokens.map((token, id) => [token, id]));
      const merge = createBpeMerger({ tokenIds, merges });
      for (let count = 0; count < 40; count += 1) {
        const word = Array.from({ length: Math.floor(random() * 30) }, () =>
          pick(["a", "b", "c", "é", "🎉", "?"]),
        ).join("");
        const wanted = mergeByDefinition(word, merges);
        expect(merge(word)).toEqual(wanted);
        // The second result comes from the cache.
        expect(merge(word)).toEqual(wanted);
      }
    }
  });

  it("reads merges as strings, and ignores those that make no token", () => {
    const merge = createBpeMerger({
      tokenIds: new Map([
        ["a", 0],
        ["b", 1],
        ["ab", 2],
      ]),
      merges: ["a b", "ab a"],
    });
    expect(merge("aba")).toEqual(["ab", "a"]);
    expect(merge("")).toEqual([]);
  });
});
