import { moveKinds } from "./program.ts";
import type { DraftMove, ProgramBuilder } from "./program-builder.ts";

/** A move whose source can only complete if another state can. */
interface Waiting {
  readonly from: number;
  readonly move: DraftMove | undefined;
}

/** Which states can reach the end of their rule; all others are dead ends. */
export function findProductive(draft: ProgramBuilder, ruleOf: Int32Array): Uint8Array {
  const productive = new Uint8Array(draft.edges.length);
  const hasTick = new Uint8Array(draft.rules.length);
  const waiting = collectWaiting(draft);
  const calls = draft.rules.map((): Waiting[] => []);
  for (const [from, moves] of draft.moves.entries()) {
    for (const move of moves) if (move.kind === moveKinds.call) calls[move.low]!.push({ from, move });
  }
  const pending: number[] = [];
  const mark = (state: number): void => {
    if (productive[state] === 1) return;
    productive[state] = 1;
    pending.push(state);
  };
  const canCall = ({ target, low: rule, high: counter }: DraftMove): boolean =>
    productive[target] === 1 &&
    productive[draft.rules[rule]!.start] === 1 &&
    (counter === -1 || draft.counters[counter]!.min === 0 || hasTick[rule] === 1);
  const retry = ({ from, move }: Waiting): void => {
    if (move === undefined || canCall(move)) mark(from);
  };
  for (const { end } of draft.rules) mark(end);
  for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
    for (const entry of waiting[state]!) {
      draft.budget.spend(1);
      if (entry.move?.kind === moveKinds.tick) {
        const rule = ruleOf[entry.from]!;
        mark(entry.from);
        if (rule >= 0 && hasTick[rule] === 0) {
          hasTick[rule] = 1;
          calls[rule]!.forEach(retry);
        }
      } else {
        retry(entry);
      }
    }
  }
  return productive;
}

/** For each state, what waits for it to be found productive. */
function collectWaiting(draft: ProgramBuilder): Waiting[][] {
  const waiting = draft.edges.map((): Waiting[] => []);
  for (const [from, edges] of draft.edges.entries()) {
    for (const { target } of edges) waiting[target]!.push({ from, move: undefined });
  }
  for (const [from, moves] of draft.moves.entries()) {
    for (const move of moves) {
      waiting[move.target]!.push({
        from,
        move: move.kind === moveKinds.call || move.kind === moveKinds.tick ? move : undefined,
      });
      if (move.kind === moveKinds.call) waiting[draft.rules[move.low]!.start]!.push({ from, move });
    }
  }
  return waiting;
}

/** The rule that each state belongs to; −1 for a state that none reaches. */
export function findRules(draft: ProgramBuilder): Int32Array {
  const ruleOf = new Int32Array(draft.edges.length).fill(-1);
  for (const [rule, { start, end }] of draft.rules.entries()) {
    const pending = [start];
    ruleOf[end] = rule;
    ruleOf[start] = rule;
    for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
      draft.budget.spend(1);
      for (const { target } of [...draft.edges[state]!, ...draft.moves[state]!]) {
        if (ruleOf[target] !== -1) continue;
        ruleOf[target] = rule;
        pending.push(target);
      }
    }
  }
  return ruleOf;
}
