import type { Budget } from "./budget.ts";
import { Dict } from "./dict.ts";
import { floatText, PythonFloat } from "./python-float.ts";
import { integerText } from "./python-integer.ts";
import { TemplateError } from "./template-error.ts";
import {
  DictView,
  isInteger,
  isList,
  isObject,
  Range,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from "./values.ts";
import { iterate } from "./iterate.ts";

/** Writes a value as Python's `str` does, which is what a template prints. */
export function pythonText(value: Value, budget: Budget): string {
  if (typeof value === "string") return value;
  if (value instanceof Undefined) return "";
  return pythonRepr(value, budget);
}

/** Writes a value as Python's `repr` does. */
export function pythonRepr(value: Value, budget: Budget): string {
  return new Writer(budget).write(value, 0);
}

class Writer {
  readonly #budget: Budget;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  write(value: Value, depth: number): string {
    if (typeof value === "string") return this.#budget.text(quoted(value));
    if (value === null) return "None";
    if (typeof value === "boolean") return value ? "True" : "False";
    if (isInteger(value)) return integerText(value);
    if (value instanceof PythonFloat) return floatText(value.value);
    return this.#writeHolder(value, depth);
  }

  #writeHolder(value: Value, depth: number): string {
    if (isList(value)) return this.#join("[", value, { closer: "]", depth });
    if (value instanceof Tuple) {
      return this.#join("(", value.items, { closer: value.items.length === 1 ? ",)" : ")", depth });
    }
    if (value instanceof Dict) return this.#writeDict(value, depth);
    if (value instanceof DictView) {
      return this.#join(`${typeName(value)}([`, iterate(value), { closer: "])", depth });
    }
    if (value instanceof Range) {
      const { start, stop, step } = value;
      return `range(${start}, ${stop}${step === 1 ? "" : `, ${step}`})`;
    }
    if (value instanceof Undefined) return "Undefined";
    if (isObject(value) && value.print !== undefined) return this.#budget.text(value.print());
    throw new TemplateError(`expected a value to print, got a ${typeName(value)}`);
  }

  #join(
    opener: string,
    items: Iterable<Value>,
    { closer, depth }: { readonly closer: string; readonly depth: number },
  ): string {
    this.#budget.lookInto(depth);
    const parts: string[] = [];
    for (const item of items) {
      this.#budget.step();
      parts.push(this.write(item, depth + 1));
    }
    return this.#budget.text(`${opener}${parts.join(", ")}${closer}`);
  }

  #writeDict(dict: Dict, depth: number): string {
    this.#budget.lookInto(depth);
    const parts: string[] = [];
    for (const [key, value] of dict.entries()) {
      this.#budget.step();
      parts.push(`${this.write(key, depth + 1)}: ${this.write(value, depth + 1)}`);
    }
    return this.#budget.text(`{${parts.join(", ")}}`);
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
