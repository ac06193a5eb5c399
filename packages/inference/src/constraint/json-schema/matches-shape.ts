import { isJsonObject, isSameJson, type JsonObject, type JsonValue } from "./json-value.ts";
import { conjunctionForName } from "./object-layers.ts";
import type { Conjunction } from "./schema-document.ts";
import type { SchemaShapes } from "./schema-shapes.ts";
import type { ArrayShape, NumberShape, ObjectShape, Shape, StringShape } from "./shapes.ts";
import { acceptsPattern } from "./string-patterns.ts";

/** Whether a value of an `enum` or a `const` has a shape. */
export function matchesShape(value: JsonValue, shape: Shape, shapes: SchemaShapes): boolean {
  shapes.budget.spend(1);
  switch (shape.type) {
    case "literal":
      return isSameJson(value, shape.value);
    case "null":
      return value === null;
    case "boolean":
      return typeof value === "boolean";
    case "string":
      return typeof value === "string" && matchesString(value, shape, shapes);
    case "number":
      return typeof value === "number" && matchesNumber(value, shape);
    case "array":
      return Array.isArray(value) && matchesArray(value as readonly JsonValue[], shape, shapes);
    case "object":
      return isJsonObject(value) && matchesObject(value, shape, shapes);
  }
}

/** Whether a value matches all of some schemas. */
function matchesConjunction(value: JsonValue, conjunction: Conjunction, shapes: SchemaShapes): boolean {
  return (
    conjunction.length === 0 || shapes.of(conjunction).some((shape) => matchesShape(value, shape, shapes))
  );
}

function matchesString(
  value: string,
  { min, max, patterns }: StringShape,
  { budget }: SchemaShapes,
): boolean {
  const length = Array.from(value).length;
  return (
    length >= min && length <= max && patterns.every((pattern) => acceptsPattern(pattern, value, budget))
  );
}

function matchesNumber(value: number, { isInteger, low, high, multiples }: NumberShape): boolean {
  if (isInteger && !Number.isInteger(value)) return false;
  if (low !== undefined && (low.isExclusive ? value <= low.value : value < low.value)) return false;
  if (high !== undefined && (high.isExclusive ? value >= high.value : value > high.value)) return false;
  return multiples.every((multiple) => Number.isInteger(value / multiple));
}

function matchesArray(value: readonly JsonValue[], shape: ArrayShape, shapes: SchemaShapes): boolean {
  if (value.length < shape.min || value.length > shape.max) return false;
  return value.every((item, index) => matchesConjunction(item, shape.prefix[index] ?? shape.items, shapes));
}

function matchesObject(value: JsonObject, shape: ObjectShape, shapes: SchemaShapes): boolean {
  const names = Object.keys(value);
  if (names.length < shape.min || names.length > shape.max) return false;
  for (const name of shape.required) if (!Object.hasOwn(value, name)) return false;
  return names.every(
    (name) =>
      matchesConjunction(name, shape.names, shapes) &&
      matchesConjunction(value[name]!, conjunctionForName(name, shape.layers, shapes.budget), shapes),
  );
}
