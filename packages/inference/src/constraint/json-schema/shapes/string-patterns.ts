import { type CharacterAutomaton } from "../../automaton/character-automaton.ts";
import { subtractAutomaton } from "../../automaton/combine-automata.ts";
import { determinizePattern } from "../../automaton/determinize.ts";
import { acceptsText, anyTextAutomaton } from "../../automaton/text-automata.ts";
import type { Budget } from "../../program/budget.ts";
import type { StringPattern } from "./shapes.ts";

const automata = new WeakMap<StringPattern, CharacterAutomaton>();

/** The automaton of a pattern, made when it is first needed. */
export function automatonOf(pattern: StringPattern, budget: Budget): CharacterAutomaton {
  let automaton = automata.get(pattern);
  if (automaton === undefined) {
    budget.path = pattern.path;
    automaton = determinizePattern(pattern.node, budget);
    if (pattern.isExcluded === true) automaton = subtractAutomaton(anyTextAutomaton, automaton, budget);
    automata.set(pattern, automaton);
  }
  return automaton;
}

export function acceptsPattern(pattern: StringPattern, text: string, budget: Budget): boolean {
  budget.spend(text.length);
  return acceptsText(automatonOf(pattern, budget), text);
}
