import { type ConstraintProgram, moveKinds } from "../program/program.ts";
import type { TokenTrie } from "../tokens/token-trie.ts";
import { RuleTokens, type RuleTokensContent } from "./rule-tokens.ts";

/** States of which more than this can be reached are not compared with those of other programs. */
const maxStates = 400;
/** Shared entries of a vocabulary; past that the oldest is dropped. */
const maxShared = 256;

/**
 * A text that is the same for states from which the same can be read, in whatever program; `undefined` if too much
 * can be reached.
 */
export function signatureOf(program: ConstraintProgram, state: number): string | undefined {
  const numbers = new Map([[state, 0]]);
  const parts: (number | string)[] = [];
  const numberOf = (target: number): number => {
    let number = numbers.get(target);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(target, number);
    }
    return number;
  };
  for (const at of numbers.keys()) {
    if (numbers.size > maxStates) return undefined;
    parts.push(program.accepts[at] === 1 ? "!" : ";");
    for (let edge = program.edgeStarts[at]!; edge < program.edgeStarts[at + 1]!; edge += 1) {
      parts.push(program.edgeLows[edge]!, program.edgeHighs[edge]!, numberOf(program.edgeTargets[edge]!));
    }
    for (let move = program.moveStarts[at]!; move < program.moveStarts[at + 1]!; move += 1) {
      const kind = program.moveKinds[move]!;
      parts.push("m", kind, numberOf(program.moveTargets[move]!));
      if (kind === moveKinds.tick) parts.push(program.moveLows[move]!, program.moveHighs[move]!);
      if (kind !== moveKinds.call) continue;
      const counter = program.moveHighs[move]!;
      parts.push(numberOf(program.ruleStarts[program.moveLows[move]!]!));
      if (counter !== -1) parts.push(program.counterMins[counter]!, program.counterMaxes[counter]!);
    }
  }
  return parts.join(",");
}

const sharedOf = new WeakMap<TokenTrie, Map<string, RuleTokens>>();

/** Whether a program with this vocabulary has worked out the tokens of a rule. */
export function hasSharedTokens(trie: TokenTrie, signature: string): boolean {
  return sharedOf.get(trie)?.has(signature) === true;
}

/** What programs with one vocabulary have worked out and share: plain data, to be sent between threads. */
export type SharedTokens = readonly (readonly [signature: string, content: RuleTokensContent])[];

/** What was worked out with a tree so far. */
export function listSharedTokens(trie: TokenTrie): SharedTokens {
  return Array.from(sharedOf.get(trie) ?? [], ([signature, { content }]) => [signature, content] as const);
}

/** Adds what was worked out with a copy of a tree. */
export function addSharedTokens(trie: TokenTrie, tokens: SharedTokens): void {
  for (const [signature, content] of tokens) {
    shareRuleTokens(trie, signature, () => new RuleTokens(content, trie));
  }
}

/** The tokens of a rule that any program with this vocabulary has worked out already; else `create` does. */
export function shareRuleTokens(trie: TokenTrie, signature: string, create: () => RuleTokens): RuleTokens {
  let shared = sharedOf.get(trie);
  if (shared === undefined) {
    shared = new Map();
    sharedOf.set(trie, shared);
  }
  const tokens = shared.get(signature) ?? create();
  shared.delete(signature);
  shared.set(signature, tokens);
  if (shared.size > maxShared) shared.delete(shared.keys().next().value!);
  return tokens;
}
