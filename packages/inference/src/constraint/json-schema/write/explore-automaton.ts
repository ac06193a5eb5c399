import {
  type CharacterAutomaton,
  type CharacterEdge,
  trimAutomaton,
} from "../../automaton/character-automaton.ts";
import type { Budget } from "../../program/budget.ts";

/** An automaton over the characters of numbers, given by its states. */
export interface NumberStates {
  readonly start: string;
  /** Where a character leads; `undefined` for a dead end. A digit is given as its number, a point as `"."`. */
  step(state: string, character: number | "."): string | undefined;
  accepts(state: string): boolean;
}

/** Makes the automaton of all states that are reached from the start. */
export function exploreAutomaton(states: NumberStates, budget: Budget): CharacterAutomaton {
  const numbers = new Map([[states.start, 0]]);
  const edges: CharacterEdge[][] = [];
  const accepting: boolean[] = [];
  for (const state of numbers.keys()) {
    const list: CharacterEdge[] = [];
    for (const character of [".", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const) {
      budget.spend(1);
      const target = states.step(state, character);
      if (target === undefined) continue;
      let number = numbers.get(target);
      if (number === undefined) {
        number = numbers.size;
        numbers.set(target, number);
        budget.check("states", number);
      }
      const point = character === "." ? 0x2e : 0x30 + character;
      list.push({ low: point, high: point, target: number });
    }
    edges.push(list);
    accepting.push(states.accepts(state));
  }
  return trimAutomaton({ edges, accepting });
}
