import { ConstraintError } from "../../program/constraint-error.ts";
import type { Budget } from "../../program/budget.ts";

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: JsonValue;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether two values are the same; numbers by value, objects in any order. */
export function isSameJson(left: JsonValue, right: JsonValue): boolean {
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) {
    return left === right;
  }
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false;
    return left.every((item: JsonValue, index) => isSameJson(item, right[index]));
  }
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every(
      (name) =>
        Object.hasOwn(right, name) && isSameJson((left as JsonObject)[name]!, (right as JsonObject)[name]!),
    )
  );
}

/**
 * Checks that a value is JSON within the limits of size and depth, without recursion.
 * @throws ConstraintError
 */
export function assertJson(value: unknown, budget: Budget): asserts value is JsonValue {
  let size = 0;
  const pending: { readonly value: unknown; readonly depth: number }[] = [{ value, depth: 0 }];
  const count = (characters: number): void => {
    size += characters;
    budget.check("sourceLength", size);
  };
  for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
    const { value, depth } = entry;
    budget.check("depth", depth);
    count(typeof value === "string" ? value.length + 2 : 2);
    if (Array.isArray(value)) {
      for (const item of value) pending.push({ value: item, depth: depth + 1 });
    } else if (isJsonObject(value)) {
      for (const [name, item] of Object.entries(value)) {
        count(name.length + 3);
        pending.push({ value: item, depth: depth + 1 });
      }
    } else if (!isScalar(value)) {
      throw new ConstraintError("INVALID_CONSTRAINT", {
        path: "#",
        expected: "a JSON value",
        got: typeof value,
      });
    }
  }
}

/** Whether a value is neither an array nor an object. */
export function isScalar(value: unknown): boolean {
  return value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
}
