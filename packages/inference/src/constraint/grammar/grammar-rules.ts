import type { Expression } from "../program/expression.ts";
import type { ProgramBuilder } from "../program/program-builder.ts";
import type { PatternReader } from "../regex/pattern-reader.ts";
import { inlineCalls } from "./inline-calls.ts";

/** The rules of a grammar by name, in the order in which they are first seen. */
export class GrammarRules {
  readonly #reader: PatternReader;
  readonly #builder: ProgramBuilder;
  readonly #rules = new Map<string, { readonly rule: number; readonly position: number }>();
  readonly #bodies = new Map<number, Expression>();

  constructor(reader: PatternReader, builder: ProgramBuilder) {
    this.#reader = reader;
    this.#builder = builder;
  }

  /** The rule of a name that is used at a position. */
  refer(name: string, position: number): number {
    let entry = this.#rules.get(name);
    if (entry === undefined) {
      entry = { rule: this.#builder.declareRule(), position };
      this.#rules.set(name, entry);
    }
    return entry.rule;
  }

  define(name: string, body: Expression, position: number): void {
    const rule = this.refer(name, position);
    if (this.#bodies.has(rule)) {
      this.#reader.position = position;
      this.#reader.fail("one definition of a rule", `a second one of ${name}`);
    }
    this.#bodies.set(rule, body);
  }

  /** Adds the bodies of all rules to the program. */
  finish(): void {
    for (const [name, { rule, position }] of this.#rules) {
      if (this.#bodies.has(rule)) continue;
      this.#reader.position = position;
      this.#reader.fail("rules that are defined", `${name}, which is not`);
    }
    for (const [rule, body] of this.#bodies) {
      this.#builder.defineRule(
        rule,
        inlineCalls(body, (called) => this.#bodies.get(called)),
      );
    }
  }
}
