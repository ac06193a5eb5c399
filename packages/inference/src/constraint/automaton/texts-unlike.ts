import type { Budget } from "../program/budget.ts";
import type { PatternNode } from "../regex/pattern-node.ts";
import type { CharacterAutomaton } from "./character-automaton.ts";
import { subtractAutomaton } from "./combine-automata.ts";
import { determinizePattern } from "./determinize.ts";
import { anyTextAutomaton } from "./text-automata.ts";

/** The texts that a pattern does not match as a whole. */
export function textsUnlike(pattern: PatternNode, budget: Budget): CharacterAutomaton {
  return subtractAutomaton(anyTextAutomaton, determinizePattern(pattern, budget), budget);
}
