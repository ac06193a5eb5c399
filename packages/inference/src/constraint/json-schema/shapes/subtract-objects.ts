import type { JsonObject } from "../schema/json-value.ts";
import { matchesShape } from "./matches-shape.ts";
import type { Conjunction } from "../schema/schema-document.ts";
import { neverNode } from "../schema/schema-document.ts";
import type { SchemaShapes } from "./schema-shapes.ts";
import type { ObjectLayer, ObjectShape } from "./shapes.ts";
import { conjunctionForName } from "./object-layers.ts";
import { acceptsPattern } from "./string-patterns.ts";

/** Objects of any kind, with some limits. */
export function anyObject(path: string, limits: Partial<ObjectShape> = {}): ObjectShape {
  return {
    type: "object",
    layers: [],
    names: [],
    required: new Set(),
    min: 0,
    max: Infinity,
    path,
    ...limits,
  };
}

/** Objects without a property. */
export function objectWithout(name: string, path: string): ObjectShape {
  return anyObject(path, { layers: [layerOf(name, [neverNode])] });
}

/** Objects that have one property, with a value. */
function objectWith(name: string, value: Conjunction, path: string): ObjectShape {
  return anyObject(path, { required: new Set([name]), layers: [layerOf(name, value)] });
}

function layerOf(name: string, value: Conjunction): ObjectLayer {
  return { properties: new Map([[name, value]]), patterns: [], additional: [], isDerived: true };
}

/** One object, as a shape. */
export function objectOfLiteral(value: JsonObject, path: string, shapes: SchemaShapes): ObjectShape {
  const entries = Object.entries(value).map(
    ([name, item]) => [name, shapes.document.constantOf(item, path)] as const,
  );
  const layer = { properties: new Map(entries), patterns: [], additional: [neverNode] };
  return anyObject(path, { layers: [layer], required: new Set(Object.keys(value)) });
}

/**
 * Shapes of which an object has one exactly if it does not have the right one: each breaks one keyword. `undefined` if
 * a keyword is broken by any of endlessly many names.
 */
export function piecesWithoutObject(
  left: ObjectShape,
  right: ObjectShape,
  shapes: SchemaShapes,
): readonly ObjectShape[] | undefined {
  const { path } = left;
  const known = knownNames(left);
  const pieces: ObjectShape[] = [];
  for (const name of right.required) {
    if (!left.required.has(name)) pieces.push(objectWithout(name, path));
  }
  if (right.min > left.min) pieces.push(anyObject(path, { max: right.min - 1 }));
  if (right.max < left.max) pieces.push(anyObject(path, { min: right.max + 1 }));
  const addBroken = (name: string, value: Conjunction): void => {
    // Where the left one says the same there is nothing to break.
    const own = conjunctionForName(name, left.layers, shapes.budget);
    if (own.includes(neverNode) || value.every((node) => own.includes(node))) return;
    pieces.push(objectWith(name, shapes.negationOf(value), path));
  };
  if (right.names.length > 0) {
    if (known === undefined) return undefined;
    const allowed = shapes.of(right.names);
    for (const name of known) {
      if (!allowed.some((shape) => matchesShape(name, shape, shapes))) addBroken(name, [neverNode]);
    }
  }
  for (const layer of right.layers) {
    for (const [name, value] of layer.properties) addBroken(name, value);
    const isOpen = layer.additional.length > 0 || layer.patterns.some(({ value }) => value.length > 0);
    if (!isOpen) continue;
    if (known === undefined) return undefined;
    for (const name of known) {
      const matched = layer.patterns.filter(({ pattern }) => acceptsPattern(pattern, name, shapes.budget));
      for (const { value } of matched) addBroken(name, value);
      if (matched.length === 0 && !layer.properties.has(name)) addBroken(name, layer.additional);
    }
  }
  return pieces;
}

/** All names that an object can have; `undefined` if they are not listed. */
function knownNames({ layers }: ObjectShape): ReadonlySet<string> | undefined {
  const closed = layers.find(
    ({ additional, patterns }) => additional.includes(neverNode) && patterns.length === 0,
  );
  return closed && new Set(closed.properties.keys());
}
