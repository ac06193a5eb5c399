import type { LiteralShape, NumberBound, NumberShape, ObjectShape, Shape } from "./shapes.ts";

/** Whether a value matches a shape. */
export type MatchesShape = (value: LiteralShape, shape: Shape) => boolean;

/** What both shapes match; `undefined` for nothing. */
export function mergeShapes(left: Shape, right: Shape, matches: MatchesShape): Shape | undefined {
  if (left.type === "literal") return matches(left, right) ? left : undefined;
  if (right.type === "literal") return matches(right, left) ? right : undefined;
  const merged = mergeAlike(left, right);
  return merged !== undefined && "min" in merged && merged.min > merged.max ? undefined : merged;
}

function mergeAlike(left: Shape, right: Shape): Shape | undefined {
  if (left.type === "string" && right.type === "string") {
    return { type: "string", ...mergeCounts(left, right), patterns: [...left.patterns, ...right.patterns] };
  }
  if (left.type === "number" && right.type === "number") return mergeNumbers(left, right);
  if (left.type === "array" && right.type === "array") {
    const length = Math.max(left.prefix.length, right.prefix.length);
    return {
      type: "array",
      prefix: Array.from({ length }, (_, index) => [
        ...(left.prefix[index] ?? left.items),
        ...(right.prefix[index] ?? right.items),
      ]),
      items: [...left.items, ...right.items],
      contains: [...(left.contains ?? []), ...(right.contains ?? [])],
      isUnique: left.isUnique === true || right.isUnique === true,
      ...mergeCounts(left, right),
    };
  }
  if (left.type === "object" && right.type === "object") return mergeObjects(left, right);
  return left.type === right.type ? left : undefined;
}

interface Counts {
  readonly min: number;
  readonly max: number;
}

function mergeCounts(left: Counts, right: Counts): Counts {
  return { min: Math.max(left.min, right.min), max: Math.min(left.max, right.max) };
}

function mergeObjects(left: ObjectShape, right: ObjectShape): ObjectShape {
  return {
    type: "object",
    layers: [...left.layers, ...right.layers],
    names: [...left.names, ...right.names],
    required: new Set([...left.required, ...right.required]),
    ...mergeCounts(left, right),
    path: left.path,
  };
}

function mergeNumbers(left: NumberShape, right: NumberShape): NumberShape {
  return {
    type: "number",
    isInteger: left.isInteger || right.isInteger,
    low: tighter(left.low, right.low, (a, b) => a > b),
    high: tighter(left.high, right.high, (a, b) => a < b),
    multiples: [...new Set([...left.multiples, ...right.multiples])],
    notMultiples: [...new Set([...(left.notMultiples ?? []), ...(right.notMultiples ?? [])])],
    path: left.path,
  };
}

function tighter(
  left: NumberBound | undefined,
  right: NumberBound | undefined,
  isTighter: (left: number, right: number) => boolean,
): NumberBound | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  if (left.value === right.value) return left.isExclusive ? left : right;
  return isTighter(left.value, right.value) ? left : right;
}
