import { PythonFloat } from "./python-float.ts";
import { toInteger } from "./python-integer.ts";
import { TemplateError } from "./template-error.ts";
import { isObject, Iteration, Range, Tuple, typeName, Undefined, type Value } from "./values.ts";

/** Objects are keys by identity. */
type Key = string | number | bigint | null | symbol | object;

const undefinedKey: unique symbol = Symbol("undefined");

/** Python's `dict`: keys keep their order, and `1`, `1.0` and `True` are the same key. */
export class Dict {
  readonly #entries: Map<Key, readonly [Value, Value]> = new Map();

  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(keyOf(key))?.[1];
  }

  has(key: Value): boolean {
    return this.#entries.has(keyOf(key));
  }

  /** For building a mapping: templates cannot change one. */
  set(key: Value, value: Value): void {
    const known = keyOf(key);
    this.#entries.set(known, [this.#entries.get(known)?.[0] ?? key, value]);
  }

  entries(): Iterable<readonly [Value, Value]> {
    return this.#entries.values();
  }

  *keys(): Generator<Value> {
    for (const [key] of this.#entries.values()) yield key;
  }

  *values(): Generator<Value> {
    for (const [, value] of this.#entries.values()) yield value;
  }
}

/** A key for the underlying map, the same for equal values. A lone surrogate occurs in no text that is read. */
function keyOf(key: Value): Key {
  if (typeof key === "string" || key === null) return key;
  if (typeof key === "boolean") return Number(key);
  if (typeof key === "number" || typeof key === "bigint") return key;
  if (key instanceof PythonFloat) {
    const { value } = key;
    return Number.isInteger(value) && !Number.isSafeInteger(value) ? toInteger(BigInt(value)) : value + 0;
  }
  if (key instanceof Tuple) return `\uDC00(${key.items.map(partKey).join("\uDC00,")}\uDC00)`;
  if (key instanceof Undefined) return undefinedKey;
  if (key instanceof Range) return `\uDC00${key.start},${key.step},${key.length}`;
  if (key instanceof Iteration || isObject(key)) return key;
  throw new TemplateError(`expected a hashable key, got a ${typeName(key)}`);
}

function partKey(part: Value): string {
  const key = keyOf(part);
  if (typeof key === "object" && key !== null) {
    throw new TemplateError("expected plain values in a key, got an object");
  }
  return `${typeof key === "string" ? "s" : "n"}${String(key)}`;
}

/** The key of a value in a set. */
export function identityOf(value: Value): unknown {
  return keyOf(value);
}
