import type { JinjaValue } from "./jinja-library.ts";

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

/** The remainder with the divisor's sign. */
export function pythonRemainder(a: JinjaValue, b: JinjaValue): number {
  if (kindOf(a) !== "number" || kindOf(b) !== "number" || Number(b.value) === 0) {
    throw new Error(`wanted the remainder of two numbers, found ${pythonRepr(a)} % ${pythonRepr(b)}`);
  }
  const divisor = Number(b.value);
  return ((Number(a.value) % divisor) + divisor) % divisor;
}

/** The values of a list; empty for anything else. */
export function itemsOf(value: JinjaValue): readonly JinjaValue[] {
  return Array.isArray(value.value) ? (value.value as JinjaValue[]) : [];
}

/** The names and values of a mapping; empty for anything else. */
export function entriesOf(value: JinjaValue): ReadonlyMap<string, JinjaValue> {
  return value.value instanceof Map ? (value.value as Map<string, JinjaValue>) : new Map();
}

type Kind = "number" | "list" | "mapping" | "none" | "undefined" | "other" | "text";

function kindOf({ type }: JinjaValue): Kind {
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
    case "FloatValue": {
      const number = Number(value.value);
      return Number.isInteger(number) && Math.abs(number) < 1e16 ? number.toFixed(1) : String(number);
    }
    case "IntegerValue":
      return String(Number(value.value));
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
    .replaceAll("\t", "\\t");
  return `${quote}${escaped}${quote}`;
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
