import { automatonExpression } from "../automaton/automaton-expression.ts";
import { type CharacterAutomaton, isEmptyAutomaton } from "../automaton/character-automaton.ts";
import { intersectAutomata } from "../automaton/combine-automata.ts";
import { findLengthRanges } from "../automaton/length-ranges.ts";
import { anyTextAutomaton } from "../automaton/text-automata.ts";
import { allCodePoints } from "../characters/code-points.ts";
import { anyJsonCharacter, encodeJsonCharacters } from "../characters/json-text.ts";
import type { Budget } from "../program/budget.ts";
import { ConstraintError } from "../program/constraint-error.ts";
import { type Expression, literal, neverExpression, sequence } from "../program/expression.ts";
import type { ProgramBuilder } from "../program/program-builder.ts";
import { PatternEncoder } from "../regex/pattern-expression.ts";
import type { StringShape } from "./shapes.ts";
import { automatonOf } from "./string-patterns.ts";

/** A product of a pattern and lengths may have this many lengths. */
const maxProductLength = 4096;

/** Writes strings; equal ones are one rule, which all calls share. */
export class StringWriter {
  readonly #builder: ProgramBuilder;
  readonly #encoder = new PatternEncoder(encodeJsonCharacters);
  readonly #character = anyJsonCharacter();
  readonly #rules = new Map<string, number>();

  constructor(builder: ProgramBuilder) {
    this.#builder = builder;
  }

  write(shape: StringShape): Expression {
    const { min, max, patterns } = shape;
    if (patterns.length === 0) return this.#writeAny(min, max);
    const sources = patterns.map((pattern) => pattern.source).sort();
    const key = `${min} ${max} ${JSON.stringify(sources)}`;
    const known = this.#rules.get(key);
    if (known !== undefined) return { kind: "call", rule: known, counter: this.#counterOf(key) };
    if (patterns.length === 1 && min === 0 && max === Infinity) {
      const text = this.#encoder.pattern(patterns[0]!.node);
      return this.#call(key, sequence(literal('"'), text, literal('"')));
    }
    return this.#writeProduct(shape, key);
  }

  readonly #counters = new Map<string, { readonly min: number; readonly max: number }>();

  #counterOf(key: string): { readonly min: number; readonly max: number } | undefined {
    return this.#counters.get(key);
  }

  #call(key: string, body: Expression, counter?: { readonly min: number; readonly max: number }): Expression {
    const rule = this.#builder.addRule(body);
    this.#rules.set(key, rule);
    if (counter !== undefined) this.#counters.set(key, counter);
    return { kind: "call", rule, counter };
  }

  /** One rule for all lengths: its calls differ by their counters. */
  #writeAny(min: number, max: number): Expression {
    const isCounted = min > 0 || max < Infinity;
    const key = isCounted ? "counted" : "any";
    let rule = this.#rules.get(key);
    if (rule === undefined) {
      const tick = isCounted ? { low: 0, high: Infinity } : undefined;
      rule = this.#builder.addRule(
        quoted([{ from: 1, to: 1, label: this.#character, tick }], new Set([1]), 1),
      );
      this.#rules.set(key, rule);
    }
    return { kind: "call", rule, counter: isCounted ? { min, max } : undefined };
  }

  /** Several patterns, or a pattern with lengths. */
  #writeProduct({ min, max, patterns }: StringShape, key: string): Expression {
    const { budget } = this.#builder;
    let automaton: CharacterAutomaton = anyTextAutomaton;
    for (const pattern of patterns) {
      automaton = intersectAutomata(automaton, automatonOf(pattern, budget), budget);
    }
    if (isEmptyAutomaton(automaton)) return neverExpression;
    budget.path = patterns[0]!.path;
    const encode = (points: Parameters<typeof encodeJsonCharacters>[0]): Expression =>
      this.#encoder.characters(points);
    const lengths = findLengthRanges(automaton, budget);
    const whole = lengths?.[0];
    if (whole !== undefined && (whole.low > max || whole.high < min)) return neverExpression;
    if (whole !== undefined && whole.low >= min && whole.high <= max) {
      return this.#call(key, sequence(literal('"'), automatonExpression(automaton, encode), literal('"')));
    }
    if (lengths === undefined) {
      automaton = intersectAutomata(
        automaton,
        lengthAutomaton({ min, max, path: patterns[0]!.path }, budget),
        budget,
      );
      if (isEmptyAutomaton(automaton)) return neverExpression;
      return this.#call(key, sequence(literal('"'), automatonExpression(automaton, encode), literal('"')));
    }
    const graph = automatonExpression(automaton, encode, lengths) as Expression & { kind: "graph" };
    const edges = graph.edges.map((edge) => ({ ...edge, from: edge.from + 1, to: edge.to + 1 }));
    const accepting = new Set([...graph.accepting].map((state) => state + 1));
    return this.#call(key, quoted(edges, accepting, graph.stateCount), { min, max });
  }
}

/** A string whose text is a graph of the states from 1 on; it closes where enough characters were counted. */
function quoted(
  edges: (Expression & { kind: "graph" })["edges"],
  accepting: ReadonlySet<number>,
  stateCount: number,
): Expression {
  const end = stateCount + 1;
  return {
    kind: "graph",
    stateCount: end + 1,
    accepting: new Set([end]),
    edges: [
      { from: 0, to: 1, label: literal('"') },
      ...edges,
      ...Array.from(accepting, (from) => ({ from, to: end, label: literal('"'), isGuarded: true })),
    ],
  };
}

/** Texts of some lengths. */
export function lengthAutomaton(
  { min, max, path }: { readonly min: number; readonly max: number; readonly path: string },
  budget: Budget,
): CharacterAutomaton {
  const last = max === Infinity ? min : max;
  if (last > maxProductLength) {
    throw new ConstraintError("UNSUPPORTED_CONSTRAINT", {
      path,
      expected: `a pattern whose lengths have no gaps, or lengths up to ${maxProductLength} beside it`,
      got: `a length of ${last}`,
    });
  }
  budget.spend(last);
  const edges = Array.from({ length: last + 1 }, (_, length) =>
    length === last && max !== Infinity
      ? []
      : allCodePoints.map(([low, high]) => ({ low, high, target: Math.min(length + 1, last) })),
  );
  return { edges, accepting: edges.map((_, length) => length >= min) };
}
