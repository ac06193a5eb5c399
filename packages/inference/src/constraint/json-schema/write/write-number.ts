import { automatonExpression } from "../../automaton/automaton-expression.ts";
import { type CharacterAutomaton, isEmptyAutomaton } from "../../automaton/character-automaton.ts";
import { intersectAutomata, subtractAutomaton } from "../../automaton/combine-automata.ts";
import { determinizePattern } from "../../automaton/determinize.ts";
import { encodeCodePoints } from "../../characters/utf8.ts";
import type { Budget } from "../../program/budget.ts";
import { ConstraintError } from "../../program/constraint-error.ts";
import { choice, type Expression, literal, sequence } from "../../program/expression.ts";
import { parsePattern } from "../../regex/parse-pattern.ts";
import { PatternEncoder } from "../../regex/pattern-expression.ts";
import { toDecimal } from "./decimal.ts";
import { exploreAutomaton } from "./explore-automaton.ts";
import { comparisonStates, multipleStates, type Relation } from "./number-automata.ts";
import type { NumberBound, NumberShape } from "../shapes/shapes.ts";

// Digits are bounded, so that a number always ends, and is finite when it is read back.
const wholePattern = "(?:0|[1-9][0-9]{0,17})";
const fractionPattern = "(?:\\.[0-9]{1,17})";
const exponentPattern = "(?:[eE](?:[+]?(?:[0-9]{1,2}|1[0-9]{2}|2[0-8][0-9])|-[0-9]{1,3}))";
const integerPattern = "0|-?[1-9][0-9]{0,17}";
/** The first whole number that has too many digits. */
const wholeLimit = 1e18;
const maxDivisor = 20_000;

/** The numbers of a shape: without a bound in any notation of JSON, with one without an exponent. */
export function writeNumber(shape: NumberShape, budget: Budget): Expression {
  const { isInteger, low, high, multiples, notMultiples = [] } = shape;
  const isFree = multiples.length === 0 && notMultiples.length === 0;
  if (low === undefined && high === undefined && isFree) {
    const pattern = isInteger ? integerPattern : `-?${wholePattern}${fractionPattern}?${exponentPattern}?`;
    return new PatternEncoder(encodeCodePoints).pattern(parsePattern(pattern, shape.path, budget));
  }
  budget.path = shape.path;
  const isUsable = (automaton: CharacterAutomaton): boolean => !isEmptyAutomaton(automaton);
  const written = (automaton: CharacterAutomaton): Expression =>
    automatonExpression(automaton, encodeCodePoints);
  const positive = magnitudes(shape, { low, high }, budget);
  const negative = magnitudes(
    shape,
    { low: negate(high) ?? { value: 0, isExclusive: true }, high: negate(low), isAboveZero: true },
    budget,
  );
  return choice(
    ...(isUsable(positive) ? [written(positive)] : []),
    ...(isUsable(negative) ? [sequence(literal("-"), written(negative))] : []),
  );
}

function negate(bound: NumberBound | undefined): NumberBound | undefined {
  return bound === undefined ? undefined : { value: -bound.value, isExclusive: bound.isExclusive };
}

/** The numbers that are not negative, of those between two bounds. */
function magnitudes(
  { isInteger, multiples, notMultiples = [], path }: NumberShape,
  { low, high, isAboveZero = false }: Bounds,
  budget: Budget,
): CharacterAutomaton {
  const base = isInteger ? wholePattern : `${wholePattern}${fractionPattern}?`;
  let automaton = determinizePattern(parsePattern(base, path, budget), budget);
  const compare = (value: number, relation: Relation): void => {
    const states = comparisonStates(toDecimal(value), relation);
    automaton = intersectAutomata(automaton, exploreAutomaton(states, budget), budget);
  };
  if (isAboveZero) compare(0, ">");
  if (low !== undefined && low.value >= 0) {
    if (low.value >= wholeLimit) refuse(path, `bounds below ${wholeLimit}`, low.value);
    compare(low.value, low.isExclusive ? ">" : ">=");
  }
  if (high !== undefined && high.value < wholeLimit) {
    if (high.value < 0) return { edges: [[]], accepting: [false] };
    compare(high.value, high.isExclusive ? "<" : "<=");
  }
  for (const multiple of multiples) {
    automaton = intersectAutomata(automaton, multiplesOf(multiple, path, budget), budget);
  }
  for (const multiple of notMultiples) {
    automaton = subtractAutomaton(automaton, multiplesOf(multiple, path, budget), budget);
  }
  return automaton;
}

function multiplesOf(multiple: number, path: string, budget: Budget): CharacterAutomaton {
  const decimal = toDecimal(multiple);
  if (Number(decimal.whole + decimal.fraction) > maxDivisor || decimal.fraction.length > 17) {
    refuse(path, `multipleOf with digits up to ${maxDivisor}`, multiple);
  }
  return exploreAutomaton(multipleStates(decimal), budget);
}

interface Bounds {
  readonly low: NumberBound | undefined;
  readonly high: NumberBound | undefined;
  readonly isAboveZero?: boolean;
}

function refuse(path: string, expected: string, got: number): never {
  throw new ConstraintError("UNSUPPORTED_CONSTRAINT", { path, expected, got: String(got) });
}
