import type { ConstraintProgram } from "../program/program.ts";
import type { TokenTrie } from "../tokens/token-trie.ts";
import { Machine } from "./machine.ts";
import { findRuleTokens, RuleTokens } from "./rule-tokens.ts";
import { hasSharedTokens, type SharedTokens, shareRuleTokens, signatureOf } from "./share-rule-tokens.ts";
import { TokenWalk } from "./token-walk.ts";

/** Walks for one program. */
const maxWalks = 64;

/** Bytes that a state reads at least to be worth it: from others a walk visits little of the vocabulary. */
const minBytes = 16;

/** The states of simple rules that read many bytes, rule by rule, those near a rule's start first. */
function* simpleStates(program: ConstraintProgram): Generator<number> {
  const { ruleStarts, ruleIsSimple, edgeStarts, edgeLows, edgeHighs, edgeTargets } = program;
  const { moveStarts, moveTargets } = program;
  for (const [rule, start] of ruleStarts.entries()) {
    if (rule === 0 || ruleIsSimple[rule] === 0) continue;
    const found = new Set([start]);
    for (const state of found) {
      const firstEdge = edgeStarts[state]!;
      const endEdge = edgeStarts[state + 1]!;
      let byteCount = 0;
      for (let edge = firstEdge; edge < endEdge; edge += 1) {
        found.add(edgeTargets[edge]!);
        byteCount += edgeHighs[edge]! - edgeLows[edge]! + 1;
      }
      // A call goes on where it returns to; what it calls is a rule of its own.
      for (let move = moveStarts[state]!; move < moveStarts[state + 1]!; move += 1) {
        found.add(moveTargets[move]!);
      }
      if (byteCount >= minBytes) yield state;
    }
  }
}

/**
 * Works out, state by state, the masks that texts of a program will ask for, and yields those that no program with
 * this vocabulary had worked out before, for `addSharedTokens` in another thread. At most 64 of them, each a walk over
 * the vocabulary.
 */
export function* prepareTokens(program: ConstraintProgram, trie: TokenTrie): Generator<SharedTokens[number]> {
  const machine = new Machine(program);
  const walk = new TokenWalk(machine, trie);
  let walkCount = 0;
  for (const state of simpleStates(program)) {
    const signature = signatureOf(program, state);
    if (signature === undefined || hasSharedTokens(trie, signature)) continue;
    const content = findRuleTokens(state, machine, { walk, trie });
    machine.trim();
    shareRuleTokens(trie, signature, () => new RuleTokens(content, trie));
    yield [signature, content];
    walkCount += 1;
    if (walkCount === maxWalks) return;
  }
}
