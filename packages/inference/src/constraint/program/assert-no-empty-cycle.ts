import { ConstraintError } from "./constraint-error.ts";
import { findComponents } from "./find-components.ts";
import { moveKinds } from "./program.ts";
import type { DraftMove, ProgramBuilder } from "./program-builder.ts";

/**
 * Refuses a rule that calls itself before it has read a byte, and a counted repetition of the empty text: neither
 * would come to an end.
 */
export function assertNoEmptyCycle(draft: ProgramBuilder, productive: Uint8Array): void {
  const successors = collectSuccessors(draft, productive);
  const component = findComponents(successors, () => draft.budget.spend(1));
  for (const [from, moves] of draft.moves.entries()) {
    for (const { kind, target, low } of moves) {
      if ((kind !== moveKinds.tick && kind !== moveKinds.call) || productive[from] === 0) continue;
      const entered = kind === moveKinds.call ? draft.rules[low]!.start : target;
      if (productive[entered] === 0 || component[from] !== component[entered]) continue;
      throw new ConstraintError("UNSUPPORTED_CONSTRAINT", {
        path: draft.budget.path,
        expected:
          "rules that read something before they call themselves, and repetitions of what is not empty",
        got: kind === moveKinds.call ? "a left-recursive rule" : "a counted repetition of the empty text",
      });
    }
  }
}

/** Where each state can go without reading. */
function collectSuccessors(draft: ProgramBuilder, productive: Uint8Array): number[][] {
  const nullable = findNullable(draft);
  return draft.moves.map((moves, from) => {
    const into: number[] = [];
    if (productive[from] === 0) return into;
    for (const move of moves) {
      if (move.kind === moveKinds.call) into.push(draft.rules[move.low]!.start);
      if (canSkip(draft, move, nullable)) into.push(move.target);
    }
    return into.filter((state) => productive[state] === 1);
  });
}

/** Whether a move may read nothing. A call that must count something reads it, as no tick is of the empty text. */
function canSkip(draft: ProgramBuilder, { kind, low, high }: DraftMove, nullable: Uint8Array): boolean {
  if (kind !== moveKinds.call) return true;
  return nullable[low] === 1 && (high === -1 || draft.counters[high]!.min === 0);
}

/** Which rules can match the empty text. */
function findNullable(draft: ProgramBuilder): Uint8Array {
  const nullable = new Uint8Array(draft.rules.length);
  for (let changed = true; changed;) {
    changed = false;
    for (const [rule, { start, end }] of draft.rules.entries()) {
      if (nullable[rule] === 1 || !reachesSilently(draft, start, { end, nullable })) continue;
      nullable[rule] = 1;
      changed = true;
    }
  }
  return nullable;
}

function reachesSilently(
  draft: ProgramBuilder,
  start: number,
  { end, nullable }: { readonly end: number; readonly nullable: Uint8Array },
): boolean {
  const seen = new Set([start]);
  for (const state of seen) {
    if (state === end) return true;
    draft.budget.spend(1);
    for (const move of draft.moves[state]!) if (canSkip(draft, move, nullable)) seen.add(move.target);
  }
  return false;
}
