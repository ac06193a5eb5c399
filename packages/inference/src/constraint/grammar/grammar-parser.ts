import { allCodePoints, type CodePoints } from "../characters/code-points.ts";
import { encodeCodePoints } from "../characters/utf8.ts";
import type { Budget } from "../program/budget.ts";
import { choice, emptyExpression, type Expression, literal, sequence } from "../program/expression.ts";
import { readClass } from "../regex/character-classes.ts";
import { PatternEncoder } from "../regex/pattern-expression.ts";
import type { PatternReader } from "../regex/pattern-reader.ts";
import type { GrammarRules } from "./grammar-rules.ts";
import { readText } from "./read-text.ts";

/** Parses GBNF: rules of alternatives of literals, classes, groups, names of rules and their repetitions. */
export class GrammarParser {
  readonly #reader: PatternReader;
  readonly #rules: GrammarRules;
  readonly #budget: Budget;
  readonly #encoder = new PatternEncoder(encodeCodePoints);

  constructor(reader: PatternReader, rules: GrammarRules, budget: Budget) {
    this.#reader = reader;
    this.#rules = rules;
    this.#budget = budget;
  }

  parse(): void {
    this.#skipSpace();
    while (!this.#reader.isAtEnd) {
      const position = this.#reader.position;
      const name = this.#reader.match(/([A-Za-z0-9_-]+)\s*::=/y)?.[1];
      if (name === undefined) this.#reader.fail("a rule, as in name ::= …");
      this.#rules.define(name, this.#parseChoice(0), position);
      this.#skipSpace();
    }
  }

  #parseChoice(depth: number): Expression {
    this.#budget.check("depth", depth);
    const options = [this.#parseSequence(depth)];
    while (this.#reader.skip("|")) options.push(this.#parseSequence(depth));
    return choice(...options);
  }

  /** Up to the end of an alternative: a bar, a closing parenthesis, the next rule, or the end. */
  #parseSequence(depth: number): Expression {
    const parts: Expression[] = [];
    for (;;) {
      this.#skipSpace();
      const next = this.#reader.peek();
      if (next === "" || next === "|" || next === ")" || this.#isAtRule()) break;
      this.#budget.spend(1);
      parts.push(this.#parseQuantifiers(this.#parseAtom(depth)));
    }
    return parts.length === 0 ? emptyExpression : sequence(...parts);
  }

  #parseAtom(depth: number): Expression {
    const reader = this.#reader;
    if (reader.skip('"')) return literal(readText(reader));
    if (reader.skip("[")) return this.#characters(readClass(reader, this.#budget));
    if (reader.skip(".")) return this.#characters(allCodePoints);
    if (reader.skip("(")) {
      if (reader.peek() === "=" || reader.peek() === "!") reader.unsupported("a group", "lookahead");
      const body = this.#parseChoice(depth + 1);
      if (!reader.skip(")")) reader.fail("a closing )");
      return body;
    }
    const { position } = reader;
    const name = reader.match(/[A-Za-z0-9_-]+/y)?.[0];
    if (name === undefined) return reader.fail('a literal in ", a class in [], a group in (), or a name');
    return { kind: "call", rule: this.#rules.refer(name, position) };
  }

  #characters(points: CodePoints): Expression {
    return this.#encoder.characters(points);
  }

  #parseQuantifiers(atom: Expression): Expression {
    const reader = this.#reader;
    let body = atom;
    for (;;) {
      const found = reader.match(/[ \t]*(?:([*+?])|\{\s*(\d*)\s*(,?)\s*(\d*)\s*\})/y);
      if (found === undefined) return body;
      this.#budget.spend(1);
      const [text, sign, low = "", comma, high = ""] = found;
      let min = sign === "+" ? 1 : 0;
      let max = sign === "?" ? 1 : Infinity;
      if (sign === undefined) {
        if (low === "" && high === "") reader.fail("a bound of a repetition", text.trim());
        min = Number(low);
        if (high !== "") max = Number(high);
        else if (comma === "") max = min;
      }
      if (min > max) reader.fail("a lower bound that is not above the upper", text.trim());
      body = { kind: "repeat", body, min, max };
    }
  }

  #isAtRule(): boolean {
    const { position } = this.#reader;
    const isRule = this.#reader.match(/[A-Za-z0-9_-]+\s*::=/y) !== undefined;
    this.#reader.position = position;
    return isRule;
  }

  /** Skips whitespace, line breaks and comments. */
  #skipSpace(): void {
    while (this.#reader.match(/\s+|#[^\n]*/y) !== undefined);
  }
}
