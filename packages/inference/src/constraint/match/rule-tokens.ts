import type { TokenTrie } from "../tokens/token-trie.ts";
import type { Machine } from "./machine.ts";
import { markToken, type TokenWalk, unmarkToken } from "./token-walk.ts";

/** Nodes of the tree with the ticks until the end of the rule, and those that it needs in all. */
export interface CountedNodes {
  readonly nodes: Int32Array;
  readonly counts: Int32Array;
  readonly needs: Int32Array;
}

/** What a walk from a state finds; typed arrays, so that it can be sent between threads. */
export interface RuleTokensContent {
  /** The tokens that stay within the rule, as a mask; `undefined` for few. */
  readonly all: Uint32Array | undefined;
  /**
   * Those that need `n` ticks, from `needStarts[n]` to `needStarts[n + 1]`. Those that need none are left out where
   * there is a mask.
   */
  readonly tokens: Int32Array;
  readonly needStarts: Int32Array;
  /** Where a token ends together with the rule, and the rule cannot go on. */
  readonly ends: CountedNodes;
  /** Where a token ends and the rule may end or go on, which needs more ticks: how many it needs to go on. */
  readonly pauses: CountedNodes & { readonly needsOn: Int32Array };
  /** The nodes that are read after the end of the rule: those of byte `b` from `starts[b]` to `starts[b + 1]`. */
  readonly returns: CountedNodes & { readonly starts: Int32Array };
}

/** Walks the whole tree from a state of a rule whose caller is not known. */
export function findRuleTokens(
  state: number,
  machine: Machine,
  { walk, trie }: { readonly walk: TokenWalk; readonly trie: TokenTrie },
): RuleTokensContent {
  const byNeed: number[][] = [];
  const ends = new CountedNodeList();
  const pauses = new CountedNodeList();
  const needsOn: number[] = [];
  const returns: (CountedNodeList | undefined)[] = [];
  walk.visit(0, machine.relative(state), (node, { need, returns: ways }) => {
    const token = trie.tokens[node]!;
    if (token !== -1 && need !== Infinity) (byNeed[need] ??= []).push(token);
    for (const way of ways) {
      if (token !== -1 && need === Infinity) ends.add(node, way);
      if (token !== -1 && need !== Infinity && need > way.need) {
        pauses.add(node, way);
        needsOn.push(need);
      }
      for (let child = node + 1; child < trie.ends[node]!; child = trie.ends[child]!) {
        (returns[trie.bytes[child]!] ??= new CountedNodeList()).add(child, way);
      }
    }
  });
  return {
    ...packTokens(byNeed, trie),
    ends: ends.finish(),
    pauses: { ...pauses.finish(), needsOn: Int32Array.from(needsOn) },
    returns: packReturns(returns),
  };
}

function packTokens(
  byNeed: readonly (readonly number[] | undefined)[],
  trie: TokenTrie,
): Pick<RuleTokensContent, "all" | "tokens" | "needStarts"> {
  let count = 0;
  for (const tokens of byNeed) count += tokens?.length ?? 0;
  const maskWords = (trie.vocabSize + 31) >>> 5;
  // Marking a token takes as long as some words.
  const all = 4 * count > maskWords ? new Uint32Array(maskWords) : undefined;
  const kept: number[] = [];
  const needStarts = [0];
  for (let need = 0; need < byNeed.length; need += 1) {
    const tokens = byNeed[need] ?? [];
    if (all !== undefined) for (const token of tokens) markToken(trie, token, all);
    if (all === undefined || need > 0) for (const token of tokens) kept.push(token);
    needStarts.push(kept.length);
  }
  return { all, tokens: Int32Array.from(kept), needStarts: Int32Array.from(needStarts) };
}

function packReturns(byByte: readonly (CountedNodeList | undefined)[]): RuleTokensContent["returns"] {
  const joined = new CountedNodeList();
  const starts = new Int32Array(257);
  for (let byte = 0; byte < 256; byte += 1) {
    const list = byByte[byte];
    if (list !== undefined) joined.append(list);
    starts[byte + 1] = joined.length;
  }
  return { ...joined.finish(), starts };
}

/**
 * What can be read from a state of a rule whose caller is not known: the tokens that stay within the rule, by the
 * ticks that they need, and where in the tree the rule may end. Worked out once for a state.
 */
export class RuleTokens {
  /** The most ticks that a token needs. */
  readonly maxNeed: number;
  readonly content: RuleTokensContent;
  readonly sizeBytes: number;
  /** By ticks, where there is a mask of all. */
  readonly #masks: (Uint32Array | undefined)[] = [];
  readonly #trie: TokenTrie;

  constructor(content: RuleTokensContent, trie: TokenTrie) {
    this.content = content;
    this.#trie = trie;
    this.maxNeed = Math.max(0, content.needStarts.length - 2);
    const { all, tokens, ends, pauses, returns } = content;
    this.sizeBytes =
      (all?.byteLength ?? 0) +
      tokens.byteLength +
      3 * ends.nodes.byteLength +
      4 * pauses.nodes.byteLength +
      3 * returns.nodes.byteLength;
  }

  /** Adds the tokens that stay within the rule and need at most so many ticks. */
  markWithin(ticks: number, into: Uint32Array): void {
    const { all, tokens, needStarts } = this.content;
    const need = Math.min(ticks, this.maxNeed);
    if (all !== undefined) {
      const within = this.#maskFor(need, all);
      for (let word = 0; word < into.length; word += 1) into[word]! |= within[word]!;
      return;
    }
    if (need < 0) return;
    const end = needStarts[need + 1] ?? 0;
    for (let index = 0; index < end; index += 1) markToken(this.#trie, tokens[index]!, into);
  }

  /** The next larger mask that is known without the tokens that need more. */
  #maskFor(need: number, all: Uint32Array): Uint32Array {
    const { tokens, needStarts } = this.content;
    const known = this.#masks[need];
    if (known !== undefined) return known;
    let from = need;
    while (from < this.maxNeed && this.#masks[from] === undefined) from += 1;
    if (from === this.maxNeed) this.#masks[from] = all;
    if (from === need) return all;
    const mask = this.#masks[from]!.slice();
    const end = needStarts[from + 1]!;
    for (let index = needStarts[need + 1]!; index < end; index += 1) {
      unmarkToken(this.#trie, tokens[index]!, mask);
    }
    this.#masks[need] = mask;
    return mask;
  }
}

/** With how many ticks a rule ends, and how many it needs. */
interface Ending {
  readonly count: number;
  readonly need: number;
}

class CountedNodeList {
  readonly #nodes: number[] = [];
  readonly #counts: number[] = [];
  readonly #needs: number[] = [];

  get length(): number {
    return this.#nodes.length;
  }

  add(node: number, { count, need }: Ending): void {
    this.#nodes.push(node);
    this.#counts.push(count);
    this.#needs.push(need);
  }

  append(other: CountedNodeList): void {
    for (const [index, node] of other.#nodes.entries()) {
      this.add(node, { count: other.#counts[index]!, need: other.#needs[index]! });
    }
  }

  finish(): CountedNodes {
    return {
      nodes: Int32Array.from(this.#nodes),
      counts: Int32Array.from(this.#counts),
      needs: Int32Array.from(this.#needs),
    };
  }
}
