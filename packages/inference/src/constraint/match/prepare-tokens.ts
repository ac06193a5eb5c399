import type { ConstraintProgram } from "../program/program.ts";
import { signaturesOf } from "../program/state-signatures.ts";
import type { TokenTrie } from "../tokens/token-trie.ts";
import { Machine } from "./machine.ts";
import { findRuleTokens, RuleTokens, type RuleTokensContent } from "./rule-tokens.ts";
import { findSharedTokens, shareTokens } from "./share-rule-tokens.ts";
import { TokenWalk } from "./token-walk.ts";

/** Walks for one program, as if each read the whole tree. */
const maxTrees = 64;
/** Walks of one batch, in the same measure. */
const treesPerBatch = 4;
/** States from which a walk reads fewer nodes are left to the first mask that needs them. */
const minNodes = 64;

/** What was worked out for a state of a program: plain data, to be sent between threads. */
export interface PreparedTokens {
  readonly state: number;
  /** By which programs share it; `undefined` if this one is too large for that. */
  readonly signature: string | undefined;
  /** `undefined` if the signature was sent with its content before. */
  readonly content: RuleTokensContent | undefined;
}

/** A state to be walked from, with about how many nodes the walk may read. */
interface Candidate {
  readonly state: number;
  readonly nodeCount: number;
}

/** Nodes at and below each byte that may be a token's first. */
function countNodes({ bytes, ends }: TokenTrie): Int32Array {
  const counts = new Int32Array(256);
  for (let node = 1; node < ends[0]!; node = ends[node]!) counts[bytes[node]!] = ends[node]! - node;
  return counts;
}

/** The states of open rules from which much of a vocabulary may be read, rule by rule from its start on. */
function* findCandidates(program: ConstraintProgram, trie: TokenTrie): Generator<Candidate> {
  const { ruleStarts, ruleIsOpen, edgeStarts, edgeLows, edgeHighs, edgeTargets } = program;
  const { moveStarts, moveTargets } = program;
  const counts = countNodes(trie);
  for (const [rule, start] of ruleStarts.entries()) {
    if (start === -1 || ruleIsOpen[rule] === 0) continue;
    const found = new Set([start]);
    for (const state of found) {
      let nodeCount = 0;
      for (let edge = edgeStarts[state]!; edge < edgeStarts[state + 1]!; edge += 1) {
        found.add(edgeTargets[edge]!);
        for (let byte = edgeLows[edge]!; byte <= edgeHighs[edge]!; byte += 1) nodeCount += counts[byte]!;
      }
      // A call goes on where it returns to; what it calls is a rule of its own.
      for (let move = moveStarts[state]!; move < moveStarts[state + 1]!; move += 1) {
        found.add(moveTargets[move]!);
      }
      if (nodeCount >= minNodes) yield { state, nodeCount };
    }
  }
}

/**
 * Works out, state by state, the tokens that texts of a program will ask for, and yields batches of it for
 * `TokenMasks.add` in another thread. The first batch is what programs with this vocabulary had worked out before. All
 * walks together read at most as many nodes as 64 walks over the whole vocabulary.
 */
export function* prepareTokens(
  program: ConstraintProgram,
  trie: TokenTrie,
): Generator<readonly PreparedTokens[]> {
  const signatures = signaturesOf(program);
  const candidates = [...findCandidates(program, trie)];
  const isShared = ({ state }: Candidate): boolean =>
    signatures !== undefined && findSharedTokens(trie, signatures[state]!) !== undefined;
  const entryOf = (state: number, content?: RuleTokensContent): PreparedTokens => ({
    state,
    signature: signatures?.[state],
    content,
  });
  const shared = candidates.filter(isShared);
  if (shared.length > 0) yield shared.map(({ state }) => entryOf(state));
  const known = new Set(shared);
  const machine = new Machine(program);
  const walk = new TokenWalk(machine, trie);
  let batch: PreparedTokens[] = [];
  let batchNodes = 0;
  let nodesLeft = maxTrees * trie.nodeCount;
  for (const candidate of candidates) {
    const { state, nodeCount } = candidate;
    if (known.has(candidate)) continue;
    if (isShared(candidate)) {
      batch.push(entryOf(state));
      continue;
    }
    if (nodeCount > nodesLeft) continue;
    const content = findRuleTokens(state, machine, { walk, trie });
    machine.trim();
    if (signatures !== undefined) shareTokens(trie, signatures[state]!, new RuleTokens(content, trie));
    batch.push(entryOf(state, content));
    nodesLeft -= nodeCount;
    batchNodes += nodeCount;
    if (batchNodes < treesPerBatch * trie.nodeCount) continue;
    yield batch;
    batch = [];
    batchNodes = 0;
  }
  if (batch.length > 0) yield batch;
}
