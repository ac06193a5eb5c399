import type { LengthRange } from "../../automaton/length-ranges.ts";
import { isEndless } from "../../automaton/text-automata.ts";
import { ConstraintError } from "../../program/constraint-error.ts";
import type { JsonValue } from "../schema/json-value.ts";
import type { ArrayPlan, ItemEdge } from "./plan-array.ts";
import { textsAutomaton } from "./plan-object.ts";
import type { SchemaShapes } from "../shapes/schema-shapes.ts";
import type { ArrayShape, Shape } from "../shapes/shapes.ts";

/** Values of items that are told apart by states. */
const maxValues = 8;

/** What an array of different items may hold. @throws ConstraintError if it is not known that there is always another */
export function planSet(shape: ArrayShape, shapes: SchemaShapes): ArrayPlan {
  const { budget } = shapes;
  const path = shape.items[0]?.path ?? budget.path;
  const found = shapes.of(shape.items);
  const values = found.flatMap(valuesOf);
  const isPlain = shape.prefix.length === 0 && (shape.contains ?? []).length === 0;
  if (isPlain && !values.includes(undefined) && values.length <= maxValues) {
    return planValues(values as readonly JsonValue[], shapes);
  }
  if (isPlain && found.every(isText)) {
    const texts = textsAutomaton(shape.items, path, shapes);
    const lengths = [{ low: 0, high: Infinity }];
    const edges = [{ from: 0, to: 0, value: shape.items }];
    if (isEndless(texts)) return { edges, accepting: [true], lengths, texts };
  }
  throw new ConstraintError("UNSUPPORTED_CONSTRAINT", {
    path,
    keyword: "uniqueItems",
    expected: `items that are strings which can always be continued, or at most ${maxValues} values`,
    got: found.every(isText) ? "strings of which some can run out" : "other items",
  });
}

function isText(shape: Shape): boolean {
  return shape.type === "string" || (shape.type === "literal" && typeof shape.value === "string");
}

/** The values of a shape that has few; `undefined` is among them if it has many. */
function valuesOf(shape: Shape): readonly (JsonValue | undefined)[] {
  if (shape.type === "literal") return [shape.value];
  if (shape.type === "null") return [null];
  return shape.type === "boolean" ? [false, true] : [undefined];
}

/** Each of a few values at most once. */
function planValues(values: readonly JsonValue[], shapes: SchemaShapes): ArrayPlan {
  const count = values.length;
  const constants = values.map((value) => shapes.document.constantOf(value, shapes.budget.path));
  const edges: ItemEdge[] = [];
  const lengths: LengthRange[] = [];
  // State: bit i is set if value i is written.
  for (let from = 0; from < 1 << count; from += 1) {
    let left = 0;
    for (const [index, value] of constants.entries()) {
      if (((from >> index) & 1) === 1) continue;
      left += 1;
      edges.push({ from, to: from | (1 << index), value });
    }
    lengths.push({ low: 0, high: left });
  }
  return { edges, accepting: lengths.map(() => true), lengths };
}
