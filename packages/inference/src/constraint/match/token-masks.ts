import type { ConstraintProgram } from "../program/program.ts";
import { unbounded } from "../program/program.ts";
import { signaturesOf } from "../program/state-signatures.ts";
import type { TokenTrie } from "../tokens/token-trie.ts";
import type { Configuration } from "./configuration.ts";
import type { Frame } from "./frame.ts";
import { Machine } from "./machine.ts";
import type { PreparedTokens } from "./prepare-tokens.ts";
import { findRuleTokens, RuleTokens } from "./rule-tokens.ts";
import { findSharedTokens, shareTokens } from "./share-rule-tokens.ts";
import { markToken, TokenWalk } from "./token-walk.ts";

/** A frame whose rule may end with at least `least` more ticks, and have at most `most`. */
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
  #signatures: readonly string[] | undefined;
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

  /** Adds what was worked out for this program with a copy of the tree, so that masks need not work it out. */
  add(prepared: readonly PreparedTokens[]): void {
    for (const { state, signature, content } of prepared) {
      const made = content === undefined ? undefined : new RuleTokens(content, this.trie);
      if (made !== undefined && signature !== undefined) shareTokens(this.trie, signature, made);
      const tokens = made ?? (signature === undefined ? undefined : findSharedTokens(this.trie, signature));
      if (tokens !== undefined) this.#ruleTokens.set(state, tokens);
    }
  }

  #addWay(state: number, frame: Frame, mask: Uint32Array): void {
    const { counterMins, counterMaxes, ruleIsOpen, moveLows } = this.#program;
    const isOutermost = frame.parent!.isGround;
    const counter = this.machine.counterOf(frame);
    if (counter !== -1 && ruleIsOpen[moveLows[frame.call]!] === 0) {
      this.#walk.mark(0, this.machine.single(state, frame), mask);
      return;
    }
    const min = counter === -1 ? 0 : counterMins[counter]!;
    const max = counter === -1 ? unbounded : counterMaxes[counter]!;
    const most = max === unbounded ? unbounded : max - frame.count;
    const tokens = this.#tokensOf(state);
    tokens.markWithin(most, mask);
    const returning = { frame, least: min - frame.count, most };
    this.#addEnds(tokens, returning, mask);
    if (!isOutermost) this.#addReturns(tokens, returning, mask);
  }

  /** Adds the tokens that end with the rule. */
  #addEnds({ content, maxNeed }: RuleTokens, { least, most }: Returning, mask: Uint32Array): void {
    const { tokens } = this.trie;
    const { ends, pauses } = content;
    for (let index = 0; index < ends.nodes.length; index += 1) {
      if (ends.counts[index]! < least || ends.needs[index]! > most) continue;
      markToken(this.trie, tokens[ends.nodes[index]!]!, mask);
    }
    // Those that need no more ticks than are left are in the mask.
    if (most >= maxNeed) return;
    for (let index = 0; index < pauses.nodes.length; index += 1) {
      if (pauses.needsOn[index]! <= most) continue;
      if (pauses.counts[index]! < least || pauses.needs[index]! > most) continue;
      markToken(this.trie, tokens[pauses.nodes[index]!]!, mask);
    }
  }

  /** Adds the tokens that go on after the end of the rule. */
  #addReturns({ content }: RuleTokens, { frame, least, most }: Returning, mask: Uint32Array): void {
    const { tokens, ends } = this.trie;
    const { nodes, counts, needs, starts } = content.returns;
    if (nodes.length === 0) return;
    const after = this.machine.afterReturn(frame);
    for (let byte = 0; byte < 256; byte += 1) {
      if (starts[byte] === starts[byte + 1]) continue;
      const next = this.machine.step(after, byte);
      if (next === null) continue;
      for (let index = starts[byte]!; index < starts[byte + 1]!; index += 1) {
        if (counts[index]! < least || needs[index]! > most) continue;
        const node = nodes[index]!;
        if (tokens[node] !== -1) markToken(this.trie, tokens[node]!, mask);
        if (ends[node]! > node + 1) this.#walk.mark(node, next, mask);
      }
    }
  }

  #tokensOf(state: number): RuleTokens {
    let tokens = this.#ruleTokens.get(state);
    if (tokens !== undefined) return tokens;
    this.#signatures ??= signaturesOf(this.#program) ?? [];
    const signature = this.#signatures[state];
    if (signature !== undefined) tokens = findSharedTokens(this.trie, signature);
    if (tokens === undefined) {
      const content = findRuleTokens(state, this.machine, { walk: this.#walk, trie: this.trie });
      tokens = new RuleTokens(content, this.trie);
      if (signature !== undefined) shareTokens(this.trie, signature, tokens);
    }
    this.#ruleTokens.set(state, tokens);
    return tokens;
  }
}

/** Joins a program and a vocabulary; the masks that it works out serve all matchers made of it. */
export function createTokenMasks(program: ConstraintProgram, trie: TokenTrie): TokenMasks {
  return new TokenMasks(program, trie);
}
