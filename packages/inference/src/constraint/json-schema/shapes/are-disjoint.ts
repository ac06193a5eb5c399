import { surelyDiffers } from "./matches-shape.ts";
import { conjunctionForName } from "./object-layers.ts";
import type { SchemaShapes } from "./schema-shapes.ts";
import type { NumberShape, ObjectShape, Shape, StringShape } from "./shapes.ts";

/** Levels of objects that are compared. */
const maxDepth = 3;

/** Whether it is certain that no value has both shapes. */
export function areDisjoint(left: Shape, right: Shape, shapes: SchemaShapes): boolean {
  shapes.budget.spend(1);
  if (left.type === "literal") return surelyDiffers(left.value, right, shapes);
  if (right.type === "literal") return surelyDiffers(right.value, left, shapes);
  if (left.type === "number" && right.type === "number") return areNumbersDisjoint(left, right);
  if (left.type === "string" && right.type === "string") return areCountsDisjoint(left, right);
  if (left.type === "array" && right.type === "array") return areCountsDisjoint(left, right);
  if (left.type === "object" && right.type === "object") {
    return areObjectsDisjoint(left, right, { shapes, depth: 0 });
  }
  return left.type !== right.type;
}

function areCountsDisjoint(
  left: Pick<StringShape, "min" | "max">,
  right: Pick<StringShape, "min" | "max">,
): boolean {
  return left.max < right.min || right.max < left.min;
}

function areNumbersDisjoint(left: NumberShape, right: NumberShape): boolean {
  return isBelow(left, right) || isBelow(right, left);
}

function isBelow({ high }: NumberShape, { low }: NumberShape): boolean {
  if (high === undefined || low === undefined) return false;
  return high.value < low.value || (high.value === low.value && (high.isExclusive || low.isExclusive));
}

/** A property that one requires and whose values the other does not allow, or not the property at all. */
function areObjectsDisjoint(
  left: ObjectShape,
  right: ObjectShape,
  { shapes, depth }: { readonly shapes: SchemaShapes; readonly depth: number },
): boolean {
  if (areCountsDisjoint(left, right)) return true;
  if (depth >= maxDepth) return false;
  return [...new Set([...left.required, ...right.required])].some((name) => {
    const ours = shapes.ofIfKnown(conjunctionForName(name, left.layers, shapes.budget));
    const theirs = shapes.ofIfKnown(conjunctionForName(name, right.layers, shapes.budget));
    if (ours === undefined || theirs === undefined) return false;
    return ours.every((one) =>
      theirs.every((other) => areDisjointAt(one, other, { shapes, depth: depth + 1 })),
    );
  });
}

function areDisjointAt(
  left: Shape,
  right: Shape,
  { shapes, depth }: { readonly shapes: SchemaShapes; readonly depth: number },
): boolean {
  return left.type === "object" && right.type === "object"
    ? areObjectsDisjoint(left, right, { shapes, depth })
    : areDisjoint(left, right, shapes);
}
