import { emptyPattern, type PatternNode } from "../../regex/pattern-node.ts";
import { areDisjoint } from "./are-disjoint.ts";
import { isJsonObject } from "../schema/json-value.ts";
import { matchesShape, surelyDiffers } from "./matches-shape.ts";
import { mergeShapes } from "./merge-shapes.ts";
import type { SchemaShapes } from "./schema-shapes.ts";
import {
  anyNumber,
  type ArrayShape,
  type NumberShape,
  type Shape,
  type StringPattern,
  type StringShape,
} from "./shapes.ts";
import { objectOfLiteral, piecesWithoutObject } from "./subtract-objects.ts";

/**
 * The values that have one of some shapes and none of others, as shapes; `undefined` where shapes cannot say it. The
 * difference is whole: what remains of a shape are its values with one of the other's keywords broken.
 */
export function subtractShapes(
  left: readonly Shape[],
  right: readonly Shape[],
  shapes: SchemaShapes,
): readonly Shape[] | undefined {
  const texts = right.flatMap((shape) =>
    shape.type === "literal" && typeof shape.value === "string" ? [shape.value] : [],
  );
  const excluded = texts.length === 0 ? undefined : excludedTexts(texts);
  let rest: readonly Shape[] = left;
  if (excluded !== undefined) {
    rest = left.map((shape) =>
      shape.type === "string" ? { ...shape, patterns: [...shape.patterns, excluded] } : shape,
    );
  }
  for (const other of right) {
    const next: Shape[] = [];
    for (const shape of rest) {
      shapes.budget.spend(20);
      const pieces = subtractShape(shape, other, shapes);
      if (pieces === undefined) return undefined;
      next.push(...pieces);
    }
    rest = next;
  }
  return rest;
}

function subtractShape(left: Shape, right: Shape, shapes: SchemaShapes): readonly Shape[] | undefined {
  if (left.type === "literal") {
    if (matchesShape(left.value, right, shapes)) return [];
    return surelyDiffers(left.value, right, shapes) ? [left] : undefined;
  }
  const isTextLeft = left.type === "string" && right.type === "literal";
  // Texts have been excluded before.
  if (isTextLeft || areDisjoint(left, right, shapes)) return [left];
  const pieces = piecesWithout(left, right, shapes);
  return pieces?.flatMap((piece) => {
    const merged = mergeShapes(left, piece, (value, shape) => matchesShape(value.value, shape, shapes));
    const isNothing = merged === undefined || (merged.type === "object" && shapes.isImpossible(merged));
    return isNothing ? [] : [merged];
  });
}

/** Shapes of which a value of the left one has one exactly if it does not have the right one. */
function piecesWithout(left: Shape, right: Shape, shapes: SchemaShapes): readonly Shape[] | undefined {
  switch (left.type) {
    case "boolean":
      return right.type === "literal" ? [{ type: "literal", value: right.value !== true }] : [];
    case "string":
      return right.type === "string" ? piecesWithoutString(left, right) : undefined;
    case "number":
      if (right.type === "literal") return piecesWithoutNumber(numberOfLiteral(right.value as number));
      return right.type === "number" ? piecesWithoutNumber(right) : undefined;
    case "array":
      if (right.type === "array") return piecesWithoutArray(left, right, shapes);
      return right.type === "literal" && Array.isArray(right.value) && right.value.length === 0
        ? [anyArray({ min: 1 })]
        : undefined;
    case "object":
      if (right.type === "literal" && isJsonObject(right.value)) {
        return piecesWithoutObject(left, objectOfLiteral(right.value, left.path, shapes), shapes);
      }
      return right.type === "object" ? piecesWithoutObject(left, right, shapes) : undefined;
    case "null":
    case "literal":
      return [];
  }
}

function excludedTexts(texts: readonly string[]): StringPattern {
  const options = texts.map((text): PatternNode => ({
    kind: "sequence",
    parts: Array.from(text, (character): PatternNode => {
      const point = character.codePointAt(0)!;
      return { kind: "class", points: [[point, point]] };
    }),
  }));
  const node: PatternNode = options.length === 0 ? emptyPattern : { kind: "choice", options };
  return { node, isExcluded: true, path: "#", source: `texts ${JSON.stringify(texts)}` };
}

/** What does not match the pattern of a format may be of the format: then there is no saying it. */
function piecesWithoutString(left: StringShape, right: StringShape): readonly Shape[] | undefined {
  if (right.patterns.some(({ wide }) => wide !== undefined)) return undefined;
  const any: StringShape = { type: "string", min: 0, max: Infinity, patterns: [] };
  return [
    ...(right.min > left.min ? [{ ...any, max: right.min - 1 }] : []),
    ...(right.max < left.max ? [{ ...any, min: right.max + 1 }] : []),
    ...right.patterns.map((pattern) => ({
      ...any,
      patterns: [{ ...pattern, isExcluded: pattern.isExcluded !== true }],
    })),
  ];
}

function numberOfLiteral(value: number): NumberShape {
  const bound = { value, isExclusive: false };
  return { ...anyNumber("#"), low: bound, high: bound };
}

function piecesWithoutNumber({
  isInteger,
  low,
  high,
  multiples,
  notMultiples = [],
}: NumberShape): readonly Shape[] {
  const any = anyNumber("#");
  const beyond = (bound: { readonly value: number; readonly isExclusive: boolean }) => ({
    value: bound.value,
    isExclusive: !bound.isExclusive,
  });
  return [
    ...(low === undefined ? [] : [{ ...any, high: beyond(low) }]),
    ...(high === undefined ? [] : [{ ...any, low: beyond(high) }]),
    ...(isInteger ? [{ ...any, notMultiples: [1] }] : []),
    ...multiples.map((multiple) => ({ ...any, notMultiples: [multiple] })),
    ...notMultiples.map((multiple) => ({ ...any, multiples: [multiple] })),
  ];
}

function anyArray(limits: Partial<ArrayShape>): ArrayShape {
  return { type: "array", prefix: [], items: [], min: 0, max: Infinity, ...limits };
}

function piecesWithoutArray(
  left: ArrayShape,
  right: ArrayShape,
  shapes: SchemaShapes,
): readonly Shape[] | undefined {
  // An array with two items that are the same has no shape.
  if (right.isUnique === true && left.isUnique !== true && left.max > 1) return undefined;
  const pieces: ArrayShape[] = [];
  if (right.min > left.min) pieces.push(anyArray({ max: right.min - 1 }));
  if (right.max < left.max) pieces.push(anyArray({ min: right.max + 1 }));
  for (const [index, place] of right.prefix.entries()) {
    if (place.length === 0) continue;
    const before = Array.from({ length: index }, () => []);
    pieces.push(anyArray({ prefix: [...before, shapes.negationOf(place)], min: index + 1 }));
  }
  const from = right.prefix.length;
  if (right.items.length > 0) {
    const others = shapes.negationOf(right.items);
    if (others.length === 0) pieces.push(anyArray({ min: from + 1 }));
    else pieces.push(anyArray({ contains: [{ value: others, from, min: 1, max: Infinity }] }));
  }
  for (const count of right.contains ?? []) {
    if (count.min > 0) pieces.push(anyArray({ contains: [{ ...count, min: 0, max: count.min - 1 }] }));
    if (count.max < Infinity) {
      pieces.push(anyArray({ contains: [{ ...count, min: count.max + 1, max: Infinity }] }));
    }
  }
  return pieces;
}
