import type { JinjaValue } from "./jinja-library.ts";
import {
  isContained,
  isSame,
  isTrue,
  kindOf,
  pythonCompare,
  pythonEquals,
  pythonRemainder,
} from "./python-values.ts";
import { toJinjaValue } from "./jinja-library.ts";

type Test = (value: JinjaValue, other: JinjaValue) => boolean;

const isNumber = ({ type }: JinjaValue): boolean => type === "IntegerValue" || type === "FloatValue";
const remainder = (value: JinjaValue, divisor: JinjaValue): number => pythonRemainder(value, divisor);
const two = toJinjaValue(2);
const equals: Test = (value, other) => pythonEquals(value, other);
const differs: Test = (value, other) => !pythonEquals(value, other);
const isLess: Test = (value, other) => pythonCompare(value, other) < 0;
const isAtMost: Test = (value, other) => pythonCompare(value, other) <= 0;
const isMore: Test = (value, other) => pythonCompare(value, other) > 0;
const isAtLeast: Test = (value, other) => pythonCompare(value, other) >= 0;

const TESTS: ReadonlyMap<string, Test> = new Map<string, Test>([
  ["defined", ({ type }) => type !== "UndefinedValue"],
  ["undefined", ({ type }) => type === "UndefinedValue"],
  ["none", ({ type }) => type === "NullValue"],
  ["true", ({ value }) => value === true],
  ["false", ({ value }) => value === false],
  ["boolean", ({ type }) => type === "BooleanValue"],
  ["string", ({ type }) => type === "StringValue"],
  ["number", (value) => isNumber(value) || value.type === "BooleanValue"],
  ["integer", ({ type }) => type === "IntegerValue"],
  ["float", ({ type }) => type === "FloatValue"],
  ["mapping", (value) => kindOf(value) === "mapping"],
  ["sequence", (value) => ["list", "mapping", "text", "undefined"].includes(kindOf(value))],
  ["iterable", (value) => ["list", "mapping", "text", "undefined"].includes(kindOf(value))],
  ["callable", ({ type }) => type === "FunctionValue"],
  ["odd", (value) => remainder(value, two) === 1],
  ["even", (value) => remainder(value, two) === 0],
  ["divisibleby", (value, by) => remainder(value, by) === 0],
  ["upper", ({ value }) => /\p{Lu}/u.test(String(value)) && String(value) === String(value).toUpperCase()],
  ["lower", ({ value }) => /\p{Ll}/u.test(String(value)) && String(value) === String(value).toLowerCase()],
  ["sameas", (value, other) => isSame(value, other)],
  ["in", (value, other) => isContained(value, other)],
  ["truthy", (value) => isTrue(value)],
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

/** Runs a test of Jinja by its name, such as `defined`. */
export function passesTest(
  name: string,
  value: JinjaValue,
  other: JinjaValue = toJinjaValue(undefined),
): boolean {
  const test = TESTS.get(name);
  if (test === undefined) {
    throw new Error(`wanted a test that is known, found "${name}"`);
  }
  return test(value, other);
}
