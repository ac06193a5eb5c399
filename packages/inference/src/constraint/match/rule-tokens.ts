import type { TokenTrie } from "../tokens/token-trie.ts";
import type { Machine } from "./machine.ts";
import { markToken, type TokenWalk } from "./token-walk.ts";

/** Nodes of the tree with the ticks until then. */
export interface CountedNodes {
  readonly nodes: Int32Array;
  readonly counts: Int32Array;
}

/** What a walk from a state finds; typed arrays, so that it can be sent between threads. */
export interface RuleTokensContent {
  /** The tokens that need no tick, as a mask. */
  readonly first: Uint32Array;
  /** By the ticks that they need. */
  readonly tokensByNeed: readonly (Int32Array | undefined)[];
  /** Where a token ends together with the rule, and the rule cannot go on. */
  readonly ends: CountedNodes;
  /** Where a token ends and the rule may end or go on, which needs more ticks: by how many it needs then. */
  readonly pauses: readonly (CountedNodes | undefined)[];
  /** By byte: the nodes that are read after the end of the rule. */
  readonly returns: readonly (CountedNodes | undefined)[];
}

/** Walks the whole tree from a state of a rule whose caller is not known. */
export function findRuleTokens(
  state: number,
  machine: Machine,
  { walk, trie }: { readonly walk: TokenWalk; readonly trie: TokenTrie },
): RuleTokensContent {
  const tokensByNeed: number[][] = [];
  const first = new Uint32Array((trie.vocabSize + 31) >>> 5);
  const ends = new CountedNodeList();
  const pauses: (CountedNodeList | undefined)[] = [];
  const returns: (CountedNodeList | undefined)[] = [];
  walk.visit(0, machine.relative(state), (node, { need, returns: counts }) => {
    const hasToken = trie.tokens[node] !== -1;
    if (hasToken && need === 0) markToken(trie, trie.tokens[node]!, first);
    else if (hasToken && need !== Infinity) (tokensByNeed[need] ??= []).push(trie.tokens[node]!);
    if (counts.length === 0) return;
    for (const count of counts) {
      if (hasToken && need === Infinity) ends.add(node, count);
      else if (hasToken && need > count) (pauses[need] ??= new CountedNodeList()).add(node, count);
      for (let child = node + 1; child < trie.ends[node]!; child = trie.ends[child]!) {
        (returns[trie.bytes[child]!] ??= new CountedNodeList()).add(child, count);
      }
    }
  });
  return {
    first,
    tokensByNeed: Array.from(tokensByNeed, (tokens) => tokens && Int32Array.from(tokens)),
    ends: ends.finish(),
    pauses: Array.from(pauses, (list) => list?.finish()),
    returns: Array.from(returns, (list) => list?.finish()),
  };
}

/**
 * What can be read from a state of a rule whose caller is not known: the tokens that stay within the rule, by the
 * ticks that they need, and where in the tree the rule may end. Worked out once for a state.
 */
export class RuleTokens {
  /** The most ticks that a token needs. */
  readonly maxNeed: number;
  readonly content: RuleTokensContent;
  readonly #masks: Uint32Array[];
  readonly #trie: TokenTrie;

  constructor(content: RuleTokensContent, trie: TokenTrie) {
    this.content = content;
    this.#trie = trie;
    this.#masks = [content.first];
    this.maxNeed = Math.max(0, content.tokensByNeed.length - 1);
  }

  /** The tokens that stay within the rule and need at most so many ticks. Not to be changed. */
  maskFor(ticks: number): Uint32Array {
    const need = Math.min(ticks, this.maxNeed);
    while (this.#masks.length <= need) {
      const mask = this.#masks.at(-1)!.slice();
      const tokens = this.content.tokensByNeed[this.#masks.length] ?? [];
      for (const token of tokens) markToken(this.#trie, token, mask);
      this.#masks.push(mask);
    }
    return this.#masks[need]!;
  }
}

class CountedNodeList {
  readonly #nodes: number[] = [];
  readonly #counts: number[] = [];

  add(node: number, count: number): void {
    this.#nodes.push(node);
    this.#counts.push(count);
  }

  finish(): CountedNodes {
    return { nodes: Int32Array.from(this.#nodes), counts: Int32Array.from(this.#counts) };
  }
}
