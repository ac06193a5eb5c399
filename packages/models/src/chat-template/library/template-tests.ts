import { bindArguments, type CallArguments } from "../values/call-arguments.ts";
import { Dict } from "../values/dict.ts";
import { isIterable } from "../values/iterate.ts";
import { applyArithmetic } from "../operations/arithmetic.ts";
import { isSame } from "../values/python-compare.ts";
import { PythonFloat } from "../values/python-float.ts";
import type { Rendering } from "../values/rendering.ts";
import { isLower, isUpper } from "../operations/text-case.ts";
import { isInteger, isList, isObject, Range, Tuple, Undefined, type Value } from "../values/values.ts";

type Test = (value: Value, other: Value, rendering: Rendering) => boolean;

const hasRemainder =
  (divisor: Value | undefined, rest: number): Test =>
  (value, other, { budget, comparer }) =>
    comparer.equals(applyArithmetic("%", [value, divisor ?? other], budget), rest);
const equals: Test = (value, other, { comparer }) => comparer.equals(value, other);
const differs: Test = (value, other, { comparer }) => !comparer.equals(value, other);
const isLess: Test = (value, other, { comparer }) => comparer.compare(value, other) < 0;
const isAtMost: Test = (value, other, { comparer }) => comparer.compare(value, other) <= 0;
const isMore: Test = (value, other, { comparer }) => comparer.compare(value, other) > 0;
const isAtLeast: Test = (value, other, { comparer }) => comparer.compare(value, other) >= 0;

/** Tests of one value. @see https://jinja.palletsprojects.com/en/stable/templates/#builtin-tests */
const unary: ReadonlyMap<string, Test> = new Map<string, Test>([
  ["defined", (value) => !(value instanceof Undefined)],
  ["undefined", (value) => value instanceof Undefined],
  ["none", (value) => value === null],
  ["true", (value) => value === true],
  ["false", (value) => value === false],
  ["boolean", (value) => typeof value === "boolean"],
  ["string", (value) => typeof value === "string"],
  ["number", (value) => isInteger(value) || typeof value === "boolean" || value instanceof PythonFloat],
  ["integer", (value) => isInteger(value)],
  ["float", (value) => value instanceof PythonFloat],
  ["mapping", (value) => value instanceof Dict],
  ["sequence", isSequence],
  ["iterable", (value) => isIterable(value)],
  ["callable", (value) => isObject(value) && value.call !== undefined],
  ["odd", hasRemainder(2, 1)],
  ["even", hasRemainder(2, 0)],
  ["upper", (value, _, rendering) => isUpper(rendering.text(value))],
  ["lower", (value, _, rendering) => isLower(rendering.text(value))],
  ["escaped", () => false],
]);

/** Tests with one argument. */
const binary: ReadonlyMap<string, Test> = new Map<string, Test>([
  ["divisibleby", hasRemainder(undefined, 0)],
  ["sameas", (value, other) => isSame(value, other)],
  ["in", (value, other, { comparer }) => comparer.contains(other, value)],
  ["equalto", equals],
  ["eq", equals],
  ["==", equals],
  ["ne", differs],
  ["!=", differs],
  ["lt", isLess],
  ["lessthan", isLess],
  ["<", isLess],
  ["le", isAtMost],
  ["<=", isAtMost],
  ["gt", isMore],
  ["greaterthan", isMore],
  [">", isMore],
  ["ge", isAtLeast],
  [">=", isAtLeast],
]);

/** Finds a test of Jinja by name, such as `defined`; `undefined` where there is none. */
export function findTest(
  name: string,
): ((value: Value, args: CallArguments, rendering: Rendering) => boolean) | undefined {
  const one = unary.get(name);
  if (one !== undefined) {
    return (value, args, rendering) => {
      bindArguments(args, { name, parameters: [] });
      return one(value, null, rendering);
    };
  }
  const two = binary.get(name);
  return (
    two &&
    ((value, args, rendering) => {
      const [other = null] = bindArguments(args, { name, parameters: ["other"], required: 1 });
      return two(value, other, rendering);
    })
  );
}

function isSequence(value: Value): boolean {
  return (
    typeof value === "string" ||
    isList(value) ||
    value instanceof Tuple ||
    value instanceof Dict ||
    value instanceof Range ||
    value instanceof Undefined
  );
}
