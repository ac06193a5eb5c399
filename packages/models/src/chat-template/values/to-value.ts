import { Dict } from "./dict.ts";
import { limits } from "./limits.ts";
import { PythonFloat } from "./python-float.ts";
import { toInteger } from "./python-integer.ts";
import { TemplateLimitError } from "./template-error.ts";
import { Undefined, type Value } from "./values.ts";

/**
 * Converts plain data, or a value read from JSON, to a template's value: the template sees no object of
 * JavaScript.
 */
export function toValue(plain: unknown, depth = 0): Value {
  if (depth > limits.valueDepth) {
    throw new TemplateLimitError("levels of values", limits.valueDepth);
  }
  if (plain === null || typeof plain === "string" || typeof plain === "boolean") return plain;
  if (typeof plain === "number") return Number.isSafeInteger(plain) ? plain + 0 : new PythonFloat(plain);
  if (typeof plain === "bigint") return toInteger(plain);
  if (typeof plain === "object") return toHolder(plain, depth);
  return new Undefined(`expected plain data, got a ${typeof plain}`);
}

function toHolder(plain: object, depth: number): Value {
  if (plain instanceof PythonFloat) return plain;
  if (Array.isArray(plain)) return plain.map((item) => toValue(item, depth + 1));
  const dict = new Dict();
  const entries = plain instanceof Map ? (plain as ReadonlyMap<string, unknown>) : Object.entries(plain);
  for (const [name, item] of entries) {
    if (item !== undefined) dict.set(name, toValue(item, depth + 1));
  }
  return dict;
}
