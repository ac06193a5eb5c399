import type { ProgramBuilder } from "../program/program-builder.ts";
import { PatternReader } from "../regex/pattern-reader.ts";
import { GrammarParser } from "./grammar-parser.ts";
import { GrammarRules } from "./grammar-rules.ts";

/**
 * Adds the rules of a grammar in GBNF, the notation of llama.cpp, which vLLM and XGrammar read too. Returns the number
 * of the rule `root`, its start, which is added first.
 * @throws ConstraintError with the position; left recursion is found when the program is assembled
 */
export function compileGrammar(text: string, builder: ProgramBuilder): number {
  builder.budget.check("sourceLength", text.length);
  const reader = new PatternReader(text, "grammar");
  const rules = new GrammarRules(reader, builder);
  const root = rules.refer("root", 0);
  new GrammarParser(reader, rules, builder.budget).parse();
  rules.finish();
  return root;
}
