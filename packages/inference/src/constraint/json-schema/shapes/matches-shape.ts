import { isJsonObject, isSameJson, type JsonObject, type JsonValue } from "../schema/json-value.ts";
import { conjunctionForName } from "./object-layers.ts";
import type { Conjunction } from "../schema/schema-document.ts";
import type { SchemaShapes } from "./schema-shapes.ts";
import type { ArrayShape, NumberShape, ObjectShape, Shape, StringPattern, StringShape } from "./shapes.ts";
import { acceptsPattern } from "./string-patterns.ts";

/** What matching needs. */
interface Matching {
  readonly shapes: SchemaShapes;
  readonly accepts: (pattern: StringPattern, text: string) => boolean;
}

/** Whether a value of an `enum` or a `const` has a shape. */
export function matchesShape(value: JsonValue, shape: Shape, shapes: SchemaShapes): boolean {
  const accepts: Matching["accepts"] = (pattern, text) => acceptsPattern(pattern, text, shapes.budget);
  return hasShape(value, shape, { shapes, accepts });
}

/** Whether it is certain that a value does not have a shape: the patterns of formats leave some texts out. */
export function surelyDiffers(value: JsonValue, shape: Shape, shapes: SchemaShapes): boolean {
  const accepts: Matching["accepts"] = (pattern, text) =>
    pattern.wide === undefined ? acceptsPattern(pattern, text, shapes.budget) : pattern.wide.test(text);
  return !hasShape(value, shape, { shapes, accepts });
}

function hasShape(value: JsonValue, shape: Shape, matching: Matching): boolean {
  matching.shapes.budget.spend(1);
  switch (shape.type) {
    case "literal":
      return isSameJson(value, shape.value);
    case "null":
      return value === null;
    case "boolean":
      return typeof value === "boolean";
    case "string":
      return typeof value === "string" && matchesString(value, shape, matching);
    case "number":
      return typeof value === "number" && matchesNumber(value, shape);
    case "array":
      return Array.isArray(value) && matchesArray(value as readonly JsonValue[], shape, matching);
    case "object":
      return isJsonObject(value) && matchesObject(value, shape, matching);
  }
}

/** Whether a value matches all of some schemas. */
function matchesConjunction(value: JsonValue, conjunction: Conjunction, matching: Matching): boolean {
  return (
    conjunction.length === 0 ||
    matching.shapes.of(conjunction).some((shape) => hasShape(value, shape, matching))
  );
}

function matchesString(value: string, { min, max, patterns }: StringShape, { accepts }: Matching): boolean {
  const length = Array.from(value).length;
  return length >= min && length <= max && patterns.every((pattern) => accepts(pattern, value));
}

function matchesNumber(
  value: number,
  { isInteger, low, high, multiples, notMultiples = [] }: NumberShape,
): boolean {
  if (isInteger && !Number.isInteger(value)) return false;
  if (low !== undefined && (low.isExclusive ? value <= low.value : value < low.value)) return false;
  if (high !== undefined && (high.isExclusive ? value >= high.value : value > high.value)) return false;
  if (notMultiples.some((multiple) => Number.isInteger(value / multiple))) return false;
  return multiples.every((multiple) => Number.isInteger(value / multiple));
}

function matchesArray(value: readonly JsonValue[], shape: ArrayShape, matching: Matching): boolean {
  if (value.length < shape.min || value.length > shape.max) return false;
  const { contains = [], isUnique = false } = shape;
  const isCounted = contains.every(({ value: wanted, from, min, max }) => {
    const count = value.slice(from).filter((item) => matchesConjunction(item, wanted, matching)).length;
    return count >= min && count <= max;
  });
  const hasTwins = (): boolean =>
    value.some((item, index) => value.slice(0, index).some((other) => isSameJson(item, other)));
  if (!isCounted || (isUnique && hasTwins())) return false;
  return value.every((item, index) => matchesConjunction(item, shape.prefix[index] ?? shape.items, matching));
}

function matchesObject(value: JsonObject, shape: ObjectShape, matching: Matching): boolean {
  const { shapes } = matching;
  const names = Object.keys(value);
  if (names.length < shape.min || names.length > shape.max) return false;
  for (const name of shape.required) if (!Object.hasOwn(value, name)) return false;
  return names.every(
    (name) =>
      matchesConjunction(name, shape.names, matching) &&
      matchesConjunction(value[name]!, conjunctionForName(name, shape.layers, shapes.budget), matching),
  );
}
