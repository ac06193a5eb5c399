import {
  type Expression,
  type GraphEdge,
  literal,
  neverExpression,
  sequence,
} from "../../program/expression.ts";
import type { SchemaShapes } from "../shapes/schema-shapes.ts";
import type { ArrayShape } from "../shapes/shapes.ts";
import type { ValueWriting } from "./write-object.ts";

/** Writes the body of an array's rule. */
export function writeArray(shape: ArrayShape, shapes: SchemaShapes, writing: ValueWriting): Expression {
  const { space } = writing;
  const { min, max, places, hasRest } = limitLengths(shape, shapes);
  if (min > max) return neverExpression;
  const separated = (item: Expression): Expression => sequence(literal(","), space, item);
  // State i: i items written; then one for the items after the first ones, and one for the closed array.
  const end = places.length + 2;
  const rest = places.length + 1;
  const edges: GraphEdge[] = places.map((place, index) => {
    const item = writing.value(place);
    return { from: index, to: index + 1, label: index === 0 ? item : separated(item) };
  });
  for (let count = min; count <= places.length; count += 1) {
    const close = count === 0 ? literal("]") : sequence(space, literal("]"));
    edges.push({ from: count, to: end, label: close });
  }
  if (hasRest) {
    const item = writing.value(shape.items);
    const more = { kind: "repeat", body: separated(item) } as const;
    const taken = places.length === 0 ? 1 : 0;
    const least = Math.max(places.length === 0 ? 0 : 1, min - places.length - taken);
    const label = { ...more, min: least, max: max - places.length - taken };
    edges.push({
      from: places.length,
      to: rest,
      label: places.length === 0 ? sequence(item, label) : label,
    });
    edges.push({ from: rest, to: end, label: sequence(space, literal("]")) });
  }
  return sequence(literal("["), space, {
    kind: "graph",
    stateCount: end + 1,
    accepting: new Set([end]),
    edges,
  });
}

/** The lengths that are possible where some items are not. */
function limitLengths(
  { prefix, items, min, max }: ArrayShape,
  shapes: SchemaShapes,
): {
  readonly min: number;
  readonly max: number;
  readonly places: ArrayShape["prefix"];
  readonly hasRest: boolean;
} {
  const impossible = prefix.findIndex((place) => shapes.isNever(place));
  const usable = impossible === -1 ? prefix.length : impossible;
  const limit = impossible !== -1 || shapes.isNever(items) ? Math.min(max, usable) : max;
  const places = prefix.slice(0, Math.min(usable, limit));
  return { min, max: limit, places, hasRest: limit > places.length };
}
