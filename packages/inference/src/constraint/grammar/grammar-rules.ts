import type { Expression } from "../program/expression.ts";
import type { ProgramBuilder } from "../program/program-builder.ts";
import type { PatternReader } from "../regex/pattern-reader.ts";

/** The rules of a grammar by name, in the order in which they are first seen. */
export class GrammarRules {
  readonly #reader: PatternReader;
  readonly #builder: ProgramBuilder;
  readonly #rules = new Map<string, { readonly rule: number; readonly position: number }>();
  readonly #defined = new Set<string>();

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
    if (this.#defined.has(name)) {
      this.#reader.position = position;
      this.#reader.fail("one definition of a rule", `a second one of ${name}`);
    }
    this.#defined.add(name);
    this.#builder.defineRule(this.refer(name, position), body);
  }

  assertDefined(): void {
    for (const [name, { position }] of this.#rules) {
      if (this.#defined.has(name)) continue;
      this.#reader.position = position;
      this.#reader.fail("rules that are defined", `${name}, which is not`);
    }
  }
}
