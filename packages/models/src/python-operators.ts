import { toJinjaList, toJinjaValue } from "./jinja-library.ts";
import type { JinjaValue } from "./jinja-library.ts";
import {
  assertDivisor,
  isContained,
  itemsOf,
  kindOf,
  nounOf,
  pythonCompare,
  pythonEquals,
  pythonRemainder,
  pythonText,
} from "./python-values.ts";

type Operator = (left: JinjaValue, right: JinjaValue) => unknown;

const MAX_REPEATED = 2 ** 20;

/** What `applyOperator` answers for operators that it leaves to the library. */
const LIBRARY = Symbol("library");

const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ["==", (left, right) => pythonEquals(left, right)],
  ["!=", (left, right) => !pythonEquals(left, right)],
  ["<", (left, right) => pythonCompare(left, right) < 0],
  ["<=", (left, right) => pythonCompare(left, right) <= 0],
  [">", (left, right) => pythonCompare(left, right) > 0],
  [">=", (left, right) => pythonCompare(left, right) >= 0],
  ["in", (left, right) => isContained(left, right)],
  ["not in", (left, right) => !isContained(left, right)],
  ["~", (left, right) => pythonText(left) + pythonText(right)],
  ["%", (left, right) => (left.type === "StringValue" ? format(left, right) : pythonRemainder(left, right))],
  ["*", repeat],
  ["/", divide],
  ["//", divide],
  ["+", add],
]);

/** Python's meaning of an operator between two values; `undefined` where the library has the same. */
export function applyOperator(operator: string, left: JinjaValue, right: JinjaValue): JinjaValue | undefined {
  const result = OPERATORS.get(operator)?.(left, right) ?? LIBRARY;
  return result === LIBRARY ? undefined : toJinjaValueOnce(result);
}

function toJinjaValueOnce(result: unknown): JinjaValue {
  return typeof result === "object" ? (result as JinjaValue) : toJinjaValue(result);
}

/** A text can be added to a text only, such as not to a message's content in parts. */
function add(left: JinjaValue, right: JinjaValue): typeof LIBRARY {
  if ((left.type === "StringValue") !== (right.type === "StringValue")) {
    const other = left.type === "StringValue" ? right : left;
    throw new Error(`wanted a text to add to a text, found ${nounOf(other)}`);
  }
  return LIBRARY;
}

function divide(_: JinjaValue, right: JinjaValue): typeof LIBRARY {
  if (kindOf(right) === "number") {
    assertDivisor(Number(right.value));
  }
  return LIBRARY;
}

/** A text or a list, so many times. */
function repeat(left: JinjaValue, right: JinjaValue): unknown {
  const [repeated, times] = kindOf(left) === "number" ? [right, left] : [left, right];
  const kind = kindOf(repeated);
  if ((kind !== "text" && kind !== "list") || kindOf(times) !== "number") {
    return LIBRARY;
  }
  if (times.type === "FloatValue") {
    throw new Error(`wanted a whole number of times, found ${pythonText(times)}`);
  }
  const count = Math.max(0, Number(times.value));
  const length = kind === "text" ? String(repeated.value).length : itemsOf(repeated).length;
  if (count * length > MAX_REPEATED) {
    throw new Error(`the template repeated something to more than ${MAX_REPEATED} items`);
  }
  return kind === "text"
    ? String(repeated.value).repeat(count)
    : toJinjaList(Array.from({ length: count }, () => itemsOf(repeated)).flat());
}

/** `"%s of %d" % (a, b)` */
function format(left: JinjaValue, right: JinjaValue): string {
  const values = right.type === "TupleValue" ? [...itemsOf(right)] : [right];
  const text = String(left.value).replaceAll(/%(.?)/gs, (_, directive: string) => {
    if (directive === "%") {
      return "%";
    }
    const value = values.shift();
    if (value === undefined || (directive !== "s" && directive !== "d")) {
      throw new Error(`wanted %s or %d and a value for it, found "%${directive}"`);
    }
    return pythonText(value);
  });
  if (values.length > 0) {
    throw new Error(`wanted a place for every value in ${JSON.stringify(left.value)}`);
  }
  return text;
}
