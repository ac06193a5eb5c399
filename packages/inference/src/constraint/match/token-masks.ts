import type { ConstraintProgram } from "../program/program.ts";
import { unbounded } from "../program/program.ts";
import type { TokenTrie } from "../tokens/token-trie.ts";
import type { Configuration } from "./configuration.ts";
import type { Frame } from "./frame.ts";
import { Machine } from "./machine.ts";
import { shareRuleTokens, signatureOf } from "./share-rule-tokens.ts";
import { type CountedNodes, findRuleTokens, RuleTokens } from "./rule-tokens.ts";
import { markToken, TokenWalk } from "./token-walk.ts";

/** A frame whose rule may end with from `least` to `most` more ticks. */
interface Returning {
  readonly frame: Frame;
  readonly least: number;
  readonly most: number;
}

/** Masks that are kept, in bytes; past that all are forgotten. */
const maxMaskBytes = 64 << 20;

/** A program together with a vocabulary: works out which tokens may follow, and remembers it for all matchers. */
export class TokenMasks {
  readonly machine: Machine;
  readonly trie: TokenTrie;
  readonly #program: ConstraintProgram;
  readonly #walk: TokenWalk;
  readonly #ruleTokens = new Map<number, RuleTokens>();
  #kept: Configuration[] = [];

  constructor(program: ConstraintProgram, trie: TokenTrie) {
    this.#program = program;
    this.trie = trie;
    this.machine = new Machine(program);
    this.#walk = new TokenWalk(this.machine, trie);
  }

  /** The tokens that may follow, whatever keys the objects have so far. Not to be changed. */
  maskOf(configuration: Configuration): Uint32Array {
    if (configuration.mask !== undefined) return configuration.mask;
    const mask = new Uint32Array((this.trie.vocabSize + 31) >>> 5);
    for (const [index, state] of configuration.states.entries()) {
      this.#addWay(state, configuration.frames[index]!, mask);
    }
    if (this.#kept.length * mask.byteLength > maxMaskBytes) {
      for (const kept of this.#kept) kept.mask = undefined;
      this.#kept = [];
    }
    this.#kept.push(configuration);
    configuration.mask = mask;
    return mask;
  }

  #addWay(state: number, frame: Frame, mask: Uint32Array): void {
    const { counterMins, counterMaxes, ruleIsSimple, moveLows } = this.#program;
    if (frame.parent!.isGround || ruleIsSimple[moveLows[frame.call]!] === 0) {
      this.#walk.mark(0, this.machine.single(state, frame), mask);
      return;
    }
    const counter = this.machine.counterOf(frame);
    const min = counter === -1 ? 0 : counterMins[counter]!;
    const max = counter === -1 ? unbounded : counterMaxes[counter]!;
    const left = max === unbounded ? unbounded : max - frame.count;
    const tokens = this.#tokensOf(state);
    const within = tokens.maskFor(left);
    for (let word = 0; word < mask.length; word += 1) mask[word]! |= within[word]!;
    this.#addReturns(tokens, { frame, least: min - frame.count, most: left }, mask);
  }

  /** Adds the tokens that end with the rule or go on after it. */
  #addReturns(tokens: RuleTokens, { frame, least, most }: Returning, mask: Uint32Array): void {
    const after = this.machine.afterReturn(frame);
    const isWithin = (count: number): boolean => count >= least && count <= most;
    const markEnds = ({ nodes, counts }: CountedNodes): void => {
      for (let index = 0; index < nodes.length; index += 1) {
        if (isWithin(counts[index]!)) markToken(this.trie, this.trie.tokens[nodes[index]!]!, mask);
      }
    };
    markEnds(tokens.content.ends);
    // Those that need fewer ticks are in the mask.
    for (let need = most + 1; need <= tokens.maxNeed; need += 1) {
      const pauses = tokens.content.pauses[need];
      if (pauses !== undefined) markEnds(pauses);
    }
    for (const [byte, returns] of tokens.content.returns.entries()) {
      if (returns === undefined) continue;
      const next = this.machine.step(after, byte);
      if (next === null) continue;
      for (let index = 0; index < returns.nodes.length; index += 1) {
        const node = returns.nodes[index]!;
        if (!isWithin(returns.counts[index]!)) continue;
        if (this.trie.tokens[node] !== -1) markToken(this.trie, this.trie.tokens[node]!, mask);
        if (this.trie.ends[node]! > node + 1) this.#walk.mark(node, next, mask);
      }
    }
  }

  #tokensOf(state: number): RuleTokens {
    let tokens = this.#ruleTokens.get(state);
    if (tokens === undefined) {
      const create = (): RuleTokens =>
        new RuleTokens(findRuleTokens(state, this.machine, { walk: this.#walk, trie: this.trie }), this.trie);
      const signature = signatureOf(this.#program, state);
      tokens = signature === undefined ? create() : shareRuleTokens(this.trie, signature, create);
      this.#ruleTokens.set(state, tokens);
    }
    return tokens;
  }
}

/** Joins a program and a vocabulary; the masks that it works out serve all matchers made of it. */
export function createTokenMasks(program: ConstraintProgram, trie: TokenTrie): TokenMasks {
  return new TokenMasks(program, trie);
}
