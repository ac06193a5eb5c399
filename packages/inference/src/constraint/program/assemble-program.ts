import { assertNoEmptyCycle } from "./assert-no-empty-cycle.ts";
import { ConstraintError } from "./constraint-error.ts";
import { findProductive, findRules } from "./find-productive.ts";
import { type ConstraintProgram, moveKinds, unbounded } from "./program.ts";
import type { DraftMove, ProgramBuilder } from "./program-builder.ts";

/** Ticks that must follow another in a rule that is open. */
const maxFew = 256;

/**
 * Makes a program of the builder's rules; rule 0 is its start. States from which the end of their rule cannot be
 * reached are left out, so that everything that is begun can be completed.
 * @throws ConstraintError `INVALID_CONSTRAINT` if nothing can match, `UNSUPPORTED_CONSTRAINT` for left recursion
 */
export function assembleProgram(draft: ProgramBuilder): ConstraintProgram {
  const ruleOf = findRules(draft);
  const productive = findProductive(draft, ruleOf);
  const start = { rule: 0, part: undefined, path: draft.budget.path };
  for (const { rule, part, path } of [...draft.parts, start]) {
    if (productive[draft.rules[rule]!.start] === 1) continue;
    const mismatch = { expected: "a constraint that some text matches", got: "one that nothing matches" };
    throw new ConstraintError("INVALID_CONSTRAINT", { part, path, ...mismatch });
  }
  assertCountsHold(draft, { ruleOf, productive });
  assertNoEmptyCycle(draft, productive);
  const isLive = (move: DraftMove): boolean =>
    productive[move.target] === 1 &&
    (move.kind !== moveKinds.call || productive[draft.rules[move.low]!.start] === 1);
  const numbers = numberReachable(draft, productive, isLive);
  const ruleIsOpen = findRulesOf(draft, ruleOf, ({ low, high }) => low <= maxFew && high === unbounded);
  return { ...pack(draft, numbers, isLive), ruleIsOpen };
}

/** The rules of which all ticks are of a kind, as 1. */
function findRulesOf(
  draft: ProgramBuilder,
  ruleOf: Int32Array,
  isOfKind: (tick: DraftMove) => boolean,
): Uint8Array {
  const found = new Uint8Array(draft.rules.length).fill(1);
  for (const [from, moves] of draft.moves.entries()) {
    for (const move of moves) {
      if (move.kind === moveKinds.tick && !isOfKind(move)) found[ruleOf[from]!] = 0;
    }
  }
  return found;
}

/** The counts of a rule's ticks were worked out with all its parts: none of them may turn out impossible. */
function assertCountsHold(
  draft: ProgramBuilder,
  { ruleOf, productive }: { readonly ruleOf: Int32Array; readonly productive: Uint8Array },
): void {
  const isSimple = findRulesOf(draft, ruleOf, ({ low, high }) => low === 0 && high === unbounded);
  for (const [state, rule] of ruleOf.entries()) {
    if (rule < 0 || isSimple[rule] === 1 || productive[state] === 1) continue;
    throw new ConstraintError("UNSUPPORTED_CONSTRAINT", {
      path: draft.budget.path,
      expected: "counted parts that can all be completed",
      got: "a part that never ends",
    });
  }
}

/** New numbers of the states that are kept, in the order in which they are reached; −1 for all others. */
function numberReachable(
  draft: ProgramBuilder,
  productive: Uint8Array,
  isLive: (move: DraftMove) => boolean,
): { readonly numberOf: Int32Array; readonly kept: readonly number[] } {
  const numberOf = new Int32Array(draft.edges.length).fill(-1);
  const kept: number[] = [];
  const keep = (state: number): void => {
    if (numberOf[state] !== -1 || productive[state] === 0) return;
    numberOf[state] = kept.push(state) - 1;
  };
  keep(draft.rules[0]!.start);
  for (const state of kept) {
    draft.budget.spend(1);
    for (const { target } of draft.edges[state]!) keep(target);
    for (const move of draft.moves[state]!) {
      if (!isLive(move)) continue;
      keep(move.target);
      if (move.kind === moveKinds.call) keep(draft.rules[move.low]!.start);
    }
  }
  return { numberOf, kept };
}

function pack(
  draft: ProgramBuilder,
  { numberOf, kept }: { readonly numberOf: Int32Array; readonly kept: readonly number[] },
  isLive: (move: DraftMove) => boolean,
): Omit<ConstraintProgram, "ruleIsOpen"> {
  const edgeLists = kept.map((state) => draft.edges[state]!.filter((edge) => numberOf[edge.target] !== -1));
  const moveLists = kept.map((state) => draft.moves[state]!.filter(isLive));
  const edges = edgeLists.flat();
  const moves = moveLists.flat();
  const ends = new Set(draft.rules.map((rule) => rule.end));
  return {
    version: 1,
    stateCount: kept.length,
    ruleStarts: Int32Array.from(draft.rules, (rule) => numberOf[rule.start]!),
    ruleIsKey: Uint8Array.from(draft.rules, (rule) => (rule.isKey ? 1 : 0)),
    accepts: Uint8Array.from(kept, (state) => (ends.has(state) ? 1 : 0)),
    edgeStarts: startsOf(edgeLists),
    edgeLows: Uint8Array.from(edges, (edge) => edge.low),
    edgeHighs: Uint8Array.from(edges, (edge) => edge.high),
    edgeTargets: Int32Array.from(edges, (edge) => numberOf[edge.target]!),
    moveStarts: startsOf(moveLists),
    moveKinds: Uint8Array.from(moves, (move) => move.kind),
    moveTargets: Int32Array.from(moves, (move) => numberOf[move.target]!),
    moveLows: Int32Array.from(moves, (move) => move.low),
    moveHighs: Int32Array.from(moves, (move) => move.high),
    counterMins: Int32Array.from(draft.counters, (counter) => counter.min),
    counterMaxes: Int32Array.from(draft.counters, (counter) => counter.max),
    ...classifyBytes(edges),
  };
}

function startsOf(lists: readonly (readonly unknown[])[]): Int32Array {
  const starts = new Int32Array(lists.length + 1);
  for (const [index, list] of lists.entries()) starts[index + 1] = starts[index]! + list.length;
  return starts;
}

/** Bytes between two bounds of edges are one class. */
function classifyBytes(
  edges: readonly { readonly low: number; readonly high: number }[],
): Pick<ConstraintProgram, "byteClasses" | "byteClassCount"> {
  const isBound = new Uint8Array(257);
  for (const { low, high } of edges) {
    isBound[low] = 1;
    isBound[high + 1] = 1;
  }
  const byteClasses = new Uint8Array(256);
  let current = 0;
  for (let byte = 1; byte < 256; byte += 1) {
    current += isBound[byte]!;
    byteClasses[byte] = current;
  }
  return { byteClasses, byteClassCount: current + 1 };
}
