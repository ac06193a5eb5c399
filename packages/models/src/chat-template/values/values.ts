import type { CallArguments } from "./call-arguments.ts";
import type { Dict } from "./dict.ts";
import { PythonFloat } from "./python-float.ts";
import type { Integer } from "./python-integer.ts";
import { TemplateError } from "./template-error.ts";

/** A value of a running template. A Python `int` is a number, a `float` a `PythonFloat`, a list an array. */
export type Value =
  | null
  | boolean
  | Integer
  | PythonFloat
  | string
  | readonly Value[]
  | Tuple
  | Dict
  | DictView
  | Range
  | Iteration
  | Undefined
  | PythonObject;

/** Python's `tuple`, or a named one. */
export class Tuple {
  readonly items: readonly Value[];
  readonly names: readonly string[];

  constructor(items: readonly Value[], names: readonly string[] = []) {
    this.items = items;
    this.names = names;
  }
}

/** The result of a mapping's `keys()`, `values()` or `items()`: a live view. */
export class DictView {
  readonly dict: Dict;
  readonly part: "keys" | "values" | "items";

  constructor(dict: Dict, part: DictView["part"]) {
    this.dict = dict;
    this.part = part;
  }
}

/** Python's `range`. */
export class Range {
  readonly start: number;
  readonly step: number;
  readonly length: number;
  readonly stop: number;

  constructor(start: number, stop: number, step: number) {
    this.start = start;
    this.stop = stop;
    this.step = step;
    this.length = Math.max(0, Math.ceil((stop - start) / step));
  }

  at(index: number): number {
    return this.start + index * this.step;
  }
}

/** Python's generator: true, without a length, and exhausted after one pass. */
export class Iteration {
  readonly #items: Iterator<Value>;

  constructor(items: Iterable<Value>) {
    this.#items = items[Symbol.iterator]();
  }

  next(): IteratorResult<Value, unknown> {
    return this.#items.next();
  }
}

/** Jinja's `Undefined`: operations that need a value fail with its reason. */
export class Undefined {
  /** "'x' is undefined" */
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }

  error(): TemplateError {
    return new TemplateError(this.reason);
  }
}

/** An object with attributes: a function, `loop`, a namespace. */
export interface PythonObject {
  /** The name of its type in Python: "function", "Macro". */
  readonly typeName: string;
  /** How it prints; absent where Python would print an address. */
  print?(): string;
  attribute?(name: string): Value | undefined;
  call?(args: CallArguments): Value;
  length?(): number;
}

/** Returns `fallback` for `undefined`, but not for `null`, which is Python's `None`. */
export function valueOr(value: Value | undefined, fallback: Value): Value {
  return value === undefined ? fallback : value;
}

export function isObject(value: Value): value is PythonObject {
  return typeof value === "object" && value !== null && "typeName" in value;
}

export function isInteger(value: Value): value is Integer {
  return typeof value === "number" || typeof value === "bigint";
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** Converts a number or a boolean to Python's number; `undefined` for other values. */
export function toNumber(value: Value): Integer | PythonFloat | undefined {
  if (typeof value === "boolean") return Number(value);
  return isInteger(value) || value instanceof PythonFloat ? value : undefined;
}

/** Converts to a double; large integers lose digits. */
export function toDouble(value: Integer | PythonFloat): number {
  return value instanceof PythonFloat ? value.value : Number(value);
}

/** Python's name of a value's type, for messages. */
export function typeName(value: Value): string {
  if (value === null) return "NoneType";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "string") return "str";
  return isInteger(value) ? "int" : objectTypeName(value);
}

function objectTypeName(value: Exclude<Value, string | number | bigint | boolean | null>): string {
  if (isList(value)) return "list";
  if (value instanceof PythonFloat) return "float";
  if (value instanceof Tuple) return "tuple";
  if (value instanceof Range) return "range";
  if (value instanceof Iteration) return "generator";
  if (value instanceof Undefined) return "Undefined";
  if (value instanceof DictView) return `dict_${value.part}`;
  return "typeName" in value ? value.typeName : "dict";
}
