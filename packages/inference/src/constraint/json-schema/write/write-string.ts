import { automatonExpression } from "../../automaton/automaton-expression.ts";
import { type CharacterAutomaton, isEmptyAutomaton } from "../../automaton/character-automaton.ts";
import { intersectAutomata } from "../../automaton/combine-automata.ts";
import { findLengthRanges } from "../../automaton/length-ranges.ts";
import { anyTextAutomaton } from "../../automaton/text-automata.ts";
import { allCodePoints, type CodePoints } from "../../characters/code-points.ts";
import type { Budget } from "../../program/budget.ts";
import { ConstraintError } from "../../program/constraint-error.ts";
import {
  type Counter,
  type Expression,
  exactly,
  joinBytes,
  neverExpression,
  sequence,
} from "../../program/expression.ts";
import type { ProgramBuilder } from "../../program/program-builder.ts";
import { PatternEncoder } from "../../regex/pattern-expression.ts";
import type { StringShape } from "../shapes/shapes.ts";
import type { StringNotation } from "./string-notation.ts";
import { automatonOf } from "../shapes/string-patterns.ts";

/** A product of a pattern and lengths may have this many lengths. */
const maxProductLength = 4096;

/** Writes strings; equal ones are one rule, which all calls share. */
export class StringWriter {
  readonly #builder: ProgramBuilder;
  readonly #notation: StringNotation;
  readonly #encoder: PatternEncoder;
  /** What comes after the first byte of the closing mark, which ends the rules. */
  readonly #rest: Expression;
  readonly #rules = new Map<string, number>();
  readonly #counters = new Map<string, Counter>();

  constructor(builder: ProgramBuilder, notation: StringNotation) {
    this.#builder = builder;
    this.#notation = notation;
    this.#encoder = new PatternEncoder(notation.encode);
    this.#rest = exactly(notation.close.subarray(1));
  }

  write(shape: StringShape): Expression {
    const { min, max, patterns } = shape;
    const isFree = this.#notation.allowed === anyTextAutomaton;
    if (patterns.length === 0 && isFree) return this.#writeAny(min, max);
    const sources = patterns.map(({ source, isExcluded = false }) => `${isExcluded} ${source}`).sort();
    const key = `${min} ${max} ${JSON.stringify(sources)}`;
    const known = this.#rules.get(key);
    if (known !== undefined) return this.#callOf(known, this.#counters.get(key));
    const [first] = patterns;
    const isPlain = patterns.length === 1 && first!.isExcluded !== true;
    if (isPlain && min === 0 && max === Infinity && isFree) {
      return this.#call(key, this.#quoted(this.#encoder.pattern(first!.node)));
    }
    return this.#writeProduct(shape, key);
  }

  /** One text; `undefined` if it cannot be written. */
  literalOf(text: string): Uint8Array | undefined {
    const { open, close, inside } = this.#notation;
    const written = inside(text);
    return written === undefined ? undefined : joinBytes(open, new TextEncoder().encode(written), close);
  }

  #call(key: string, body: Expression, counter?: Counter): Expression {
    const rule = this.#builder.addRule(body);
    this.#rules.set(key, rule);
    if (counter !== undefined) this.#counters.set(key, counter);
    return this.#callOf(rule, counter);
  }

  #callOf(rule: number, counter: Counter | undefined): Expression {
    const call: Expression = { kind: "call", rule, counter };
    return this.#rest.kind === "empty" ? call : sequence(call, this.#rest);
  }

  #quoted(text: Expression): Expression {
    const { open, close } = this.#notation;
    return sequence(exactly(open), text, exactly(close.subarray(0, 1)));
  }

  /** One rule for all lengths: its calls differ by their counters. */
  #writeAny(min: number, max: number): Expression {
    const isCounted = min > 0 || max < Infinity;
    const key = isCounted ? "counted" : "any";
    const counter = isCounted ? { min, max } : undefined;
    const known = this.#rules.get(key);
    if (known !== undefined) return this.#callOf(known, counter);
    const tick = isCounted ? { low: 0, high: Infinity } : undefined;
    const text: GraphExpression = {
      kind: "graph",
      stateCount: 1,
      accepting: new Set([0]),
      edges: [{ from: 0, to: 0, label: this.#notation.anyCharacter, tick }],
    };
    const rule = this.#builder.addRule(this.#counted(text));
    this.#rules.set(key, rule);
    return this.#callOf(rule, counter);
  }

  /** Several patterns, a pattern with lengths, or texts of which some cannot be written. */
  #writeProduct({ min, max, patterns }: StringShape, key: string): Expression {
    const { budget } = this.#builder;
    let automaton: CharacterAutomaton = this.#notation.allowed;
    for (const pattern of patterns) {
      automaton = intersectAutomata(automaton, automatonOf(pattern, budget), budget);
    }
    if (isEmptyAutomaton(automaton)) return neverExpression;
    const path = patterns[0]?.path ?? budget.path;
    budget.path = path;
    const encode = (points: CodePoints): Expression => this.#encoder.characters(points);
    const lengths = findLengthRanges(automaton, budget);
    const whole = lengths?.[0];
    if (whole !== undefined && (whole.low > max || whole.high < min)) return neverExpression;
    if (whole !== undefined && whole.low >= min && whole.high <= max) {
      return this.#call(key, this.#quoted(automatonExpression(automaton, encode)));
    }
    if (lengths === undefined) {
      automaton = intersectAutomata(automaton, lengthAutomaton({ min, max, path }, budget), budget);
      if (isEmptyAutomaton(automaton)) return neverExpression;
      return this.#call(key, this.#quoted(automatonExpression(automaton, encode)));
    }
    const text = automatonExpression(automaton, encode, lengths) as GraphExpression;
    return this.#call(key, this.#counted(text), { min, max });
  }

  /** A text of counted characters: it closes where there are enough. */
  #counted({ stateCount, accepting, edges }: GraphExpression): Expression {
    const { open, close } = this.#notation;
    const end = stateCount + 1;
    const head = exactly(close.subarray(0, 1));
    return {
      kind: "graph",
      stateCount: end + 1,
      accepting: new Set([end]),
      edges: [
        { from: 0, to: 1, label: exactly(open) },
        ...edges.map((edge) => ({ ...edge, from: edge.from + 1, to: edge.to + 1 })),
        ...Array.from(accepting, (from) => ({ from: from + 1, to: end, label: head, isGuarded: true })),
      ],
    };
  }
}

type GraphExpression = Expression & { readonly kind: "graph" };

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
