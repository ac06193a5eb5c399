import type { JinjaValue } from "./jinja-library.ts";
import { floatText } from "./python-float.ts";

type Kind = "number" | "list" | "mapping" | "none" | "undefined" | "other" | "text";

/** Python's white space. */
export const SPACES: string =
  "\t\n\v\f\r\u001C\u001D\u001E\u001F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000";
const SPACE_SET: ReadonlySet<string> = new Set(SPACES);

/** Whether a code point is Python's white space. */
export function isSpace(point: string): boolean {
  return SPACE_SET.has(point);
}

/** Writes a value as Python's `str` does, which is what a template prints. */
export function pythonText(value: JinjaValue): string {
  return value.type === "StringValue" ? String(value.value) : pythonRepr(value);
}

/** Whether two values are equal in Python: by content, and never across kinds. */
export function pythonEquals(a: JinjaValue, b: JinjaValue): boolean {
  const [kindA, kindB] = [kindOf(a), kindOf(b)];
  if (kindA !== kindB) {
    return false;
  }
  switch (kindA) {
    case "number":
      return Number(a.value) === Number(b.value);
    case "list":
      return isSameList(itemsOf(a), itemsOf(b));
    case "mapping":
      return isSameMapping(entriesOf(a), entriesOf(b));
    case "none":
    case "undefined":
      return true;
    case "text":
    case "other":
      return a.value === b.value;
  }
}

/** Whether two values are one and the same thing. */
export function isSame(a: JinjaValue, b: JinjaValue): boolean {
  return (
    a === b || (a.type === b.type && typeof a.value !== "object" && a.value === b.value) || bothNone(a, b)
  );
}

/** Below 0, 0 or above 0 as Python orders numbers, texts and lists of them. */
export function pythonCompare(a: JinjaValue, b: JinjaValue): number {
  const kind = kindOf(a);
  if (kind === kindOf(b)) {
    if (kind === "number") {
      return Number(a.value) - Number(b.value);
    }
    if (kind === "text") {
      return compareTexts(String(a.value), String(b.value));
    }
    if (kind === "list") {
      return compareLists(itemsOf(a), itemsOf(b));
    }
  }
  throw new Error(`wanted two values that have an order, found ${nounOf(a)} and ${nounOf(b)}`);
}

/** Python's `in`. */
export function isContained(item: JinjaValue, holder: JinjaValue): boolean {
  switch (kindOf(holder)) {
    case "list":
      return itemsOf(holder).some((one) => pythonEquals(one, item));
    case "mapping":
      return item.type === "StringValue" && entriesOf(holder).has(String(item.value));
    case "text":
      if (item.type !== "StringValue") {
        throw new Error(`wanted a text to look for in a text, found ${nounOf(item)}`);
      }
      return String(holder.value).includes(String(item.value));
    case "undefined":
      return false;
    case "none":
    case "number":
    case "other":
      throw new Error(`wanted something to look into, found ${nounOf(holder)}`);
  }
}

/** The remainder with the divisor's sign. */
export function pythonRemainder(a: JinjaValue, b: JinjaValue): number {
  if (kindOf(a) !== "number" || kindOf(b) !== "number") {
    throw new Error(`wanted the remainder of two numbers, found ${pythonRepr(a)} % ${pythonRepr(b)}`);
  }
  const divisor = Number(b.value);
  assertDivisor(divisor);
  return ((Number(a.value) % divisor) + divisor) % divisor;
}

/** Refuses to divide by 0, which JavaScript does not. */
export function assertDivisor(divisor: number): void {
  if (divisor === 0) {
    throw new Error("wanted a divisor, found 0");
  }
}

/** Whether Python takes a value for true. */
export function isTrue({ value }: JinjaValue): boolean {
  return value instanceof Map ? value.size > 0 : Array.isArray(value) ? value.length > 0 : Boolean(value);
}

/** The values of a list; empty for anything else. */
export function itemsOf(value: JinjaValue): readonly JinjaValue[] {
  return Array.isArray(value.value) ? (value.value as JinjaValue[]) : [];
}

/** The names and values of a mapping; empty for anything else. */
export function entriesOf(value: JinjaValue): ReadonlyMap<string, JinjaValue> {
  return value.value instanceof Map ? (value.value as Map<string, JinjaValue>) : new Map();
}

/** What a value is to Python. */
export function kindOf({ type }: JinjaValue): Kind {
  switch (type) {
    case "IntegerValue":
    case "FloatValue":
    case "BooleanValue":
      return "number";
    case "StringValue":
      return "text";
    case "ArrayValue":
    case "TupleValue":
      return "list";
    case "ObjectValue":
    case "KeywordArgumentsValue":
      return "mapping";
    case "NullValue":
      return "none";
    case "UndefinedValue":
      return "undefined";
    default:
      return "other";
  }
}

/** Names a value's type in a message. */
export function nounOf({ type }: JinjaValue): string {
  return type.replace(/Value$/, "").toLowerCase();
}

function pythonRepr(value: JinjaValue): string {
  switch (value.type) {
    case "StringValue":
      return quoted(String(value.value));
    case "BooleanValue":
      return value.value === true ? "True" : "False";
    case "NullValue":
      return "None";
    case "UndefinedValue":
      return "";
    case "ArrayValue":
      return `[${itemsOf(value).map(pythonRepr).join(", ")}]`;
    case "TupleValue": {
      const items = itemsOf(value).map(pythonRepr);
      return items.length === 1 ? `(${items[0]},)` : `(${items.join(", ")})`;
    }
    case "ObjectValue": {
      const entries = [...entriesOf(value)].map(([name, item]) => `${quoted(name)}: ${pythonRepr(item)}`);
      return `{${entries.join(", ")}}`;
    }
    case "FloatValue":
      return floatText(Number(value.value));
    case "IntegerValue":
      return String(value.value);
    default:
      return `<${value.type}>`;
  }
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text
    .replaceAll("\\", "\\\\")
    .replaceAll(quote, `\\${quote}`)
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")
    .replaceAll("\t", "\\t")
    .replaceAll(/[\p{C}\p{Z}]/gu, (point) => (point === " " ? point : hexEscape(point.codePointAt(0) ?? 0)));
  return `${quote}${escaped}${quote}`;
}

function hexEscape(point: number): string {
  const [letter, width]: [string, number] = point < 0x100 ? ["x", 2] : point < 0x10000 ? ["u", 4] : ["U", 8];
  return `\\${letter}${point.toString(16).padStart(width, "0")}`;
}

function bothNone(a: JinjaValue, b: JinjaValue): boolean {
  return a.type === "NullValue" && b.type === "NullValue";
}

/** By code points, where JavaScript orders by halves of surrogate pairs. */
function compareTexts(a: string, b: string): number {
  const others = b[Symbol.iterator]();
  for (const point of a) {
    const other = others.next();
    if (other.done === true) {
      return 1;
    }
    if (point !== other.value) {
      return (point.codePointAt(0) ?? 0) - (other.value.codePointAt(0) ?? 0);
    }
  }
  return others.next().done === true ? 0 : -1;
}

function compareLists(a: readonly JinjaValue[], b: readonly JinjaValue[]): number {
  for (const [index, item] of a.entries()) {
    const other = b[index];
    if (other === undefined) {
      return 1;
    }
    if (!pythonEquals(item, other)) {
      return pythonCompare(item, other);
    }
  }
  return a.length - b.length;
}

function isSameList(a: readonly JinjaValue[], b: readonly JinjaValue[]): boolean {
  return (
    a.length === b.length &&
    a.every((item, index) => {
      const other = b[index];
      return other !== undefined && pythonEquals(item, other);
    })
  );
}

function isSameMapping(a: ReadonlyMap<string, JinjaValue>, b: ReadonlyMap<string, JinjaValue>): boolean {
  return (
    a.size === b.size &&
    [...a].every(([name, item]) => {
      const other = b.get(name);
      return other !== undefined && pythonEquals(item, other);
    })
  );
}
