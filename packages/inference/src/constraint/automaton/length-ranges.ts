import type { Budget } from "../program/budget.ts";
import type { CharacterAutomaton } from "./character-automaton.ts";

/** The lengths of the texts that a state accepts: all from `low` to `high`, which may be `Infinity`. */
export interface LengthRange {
  readonly low: number;
  readonly high: number;
}

/** More states than this are not examined. */
const maxStates = 64;

/**
 * The lengths that each state of an automaton accepts; `undefined` if those of some state have gaps, or it is not
 * known. The set of lengths of an automaton of `n` states repeats itself with a period of at most `n` after `n²`.
 */
export function findLengthRanges(automaton: CharacterAutomaton, budget: Budget): LengthRange[] | undefined {
  const { edges, accepting } = automaton;
  if (edges.length > maxStates) return undefined;
  const horizon = edges.length * edges.length + 2 * edges.length + 2;
  const targets = edges.map((list) => [...new Set(list.map((edge) => edge.target))]);
  const lows = edges.map(() => -1);
  const highs = edges.map(() => -1);
  let current: readonly boolean[] = accepting;
  for (let length = 0; length <= horizon; length += 1) {
    for (const [state, accepts] of current.entries()) {
      if (!accepts) continue;
      if (lows[state] === -1) lows[state] = length;
      else if (highs[state] !== length - 1) return undefined;
      highs[state] = length;
    }
    budget.spend(edges.length);
    const before = current;
    current = targets.map((list) => list.some((target) => before[target]));
  }
  return lows.map((low, state) => ({ low, high: highs[state] === horizon ? Infinity : highs[state]! }));
}
