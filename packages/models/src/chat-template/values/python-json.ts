import type { Budget } from "./budget.ts";
import { compareTexts } from "./code-points.ts";
import { Dict } from "./dict.ts";
import { floatJson, PythonFloat } from "./python-float.ts";
import { integerText } from "./python-integer.ts";
import { TemplateError } from "./template-error.ts";
import { isInteger, isList, Tuple, typeName, Undefined, type Value } from "./values.ts";

/** Options of `pythonJson`. */
export interface JsonStyle {
  /** The indentation of one level; everything is on one line where absent. */
  readonly indent: string | undefined;
  readonly itemSeparator: string;
  readonly keySeparator: string;
  readonly isAscii: boolean;
  readonly hasSortedKeys: boolean;
}

/** Writes a value exactly as Python's `json.dumps` does. */
export function pythonJson(value: Value, style: JsonStyle, budget: Budget): string {
  return new JsonWriter(style, budget).write(value, 0);
}

class JsonWriter {
  readonly #style: JsonStyle;
  readonly #budget: Budget;

  constructor(style: JsonStyle, budget: Budget) {
    this.#style = style;
    this.#budget = budget;
  }

  write(value: Value, depth: number): string {
    if (value === null) return "null";
    if (typeof value === "string") return this.#text(value);
    if (typeof value === "boolean") return String(value);
    if (isInteger(value)) return integerText(value);
    if (value instanceof PythonFloat) return floatJson(value.value);
    if (isList(value)) return this.#list(value, depth);
    if (value instanceof Tuple) return this.#list(value.items, depth);
    if (value instanceof Dict) return this.#dict(value, depth);
    if (value instanceof Undefined) {
      throw new TemplateError(`expected a value to write as JSON, got none: ${value.reason}`);
    }
    throw new TemplateError(`Object of type ${typeName(value)} is not JSON serializable`);
  }

  #list(items: readonly Value[], depth: number): string {
    this.#budget.lookInto(depth);
    const parts: string[] = [];
    for (const item of items) {
      this.#budget.step();
      parts.push(this.write(item, depth + 1));
    }
    return this.#enclose("[]", parts, depth);
  }

  #dict(dict: Dict, depth: number): string {
    this.#budget.lookInto(depth);
    const entries = [...dict.entries()];
    if (this.#style.hasSortedKeys) entries.sort(([a], [b]) => compareKeys(a, b));
    const parts: string[] = [];
    for (const [key, value] of entries) {
      this.#budget.step();
      parts.push(this.#text(keyText(key)) + this.#style.keySeparator + this.write(value, depth + 1));
    }
    return this.#enclose("{}", parts, depth);
  }

  #enclose(brackets: string, parts: readonly string[], depth: number): string {
    const { indent, itemSeparator } = this.#style;
    const isSpread = indent !== undefined && parts.length > 0;
    const before = isSpread ? `\n${this.#indent(indent, depth + 1)}` : "";
    const after = isSpread ? `\n${this.#indent(indent, depth)}` : "";
    return this.#budget.text(
      `${brackets[0]}${before}${parts.join(itemSeparator + before)}${after}${brackets[1]}`,
    );
  }

  #indent(indent: string, depth: number): string {
    this.#budget.makeText(indent.length * depth);
    return indent.repeat(depth);
  }

  #text(text: string): string {
    const quoted = JSON.stringify(text);
    if (!this.#style.isAscii) return this.#budget.text(quoted);
    return this.#budget.text(
      quoted.replaceAll(
        /[\u007F-\uFFFF]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
      ),
    );
  }
}

function keyText(key: Value): string {
  if (typeof key === "string") return key;
  if (key === null) return "null";
  if (typeof key === "boolean") return String(key);
  if (isInteger(key)) return integerText(key);
  if (key instanceof PythonFloat) return floatJson(key.value);
  throw new TemplateError(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
}

function compareKeys(a: Value, b: Value): number {
  if (typeof a === "string" && typeof b === "string") return compareTexts(a, b);
  if (isInteger(a) && isInteger(b)) return a < b ? -1 : Number(a > b);
  throw new TemplateError(`expected keys that have an order, got '${typeName(a)}' and '${typeName(b)}'`);
}
