import type { JsonValue } from "../schema/json-value.ts";
import type { SchemaFields } from "../schema/schema-fields.ts";
import type { SchemaShapes } from "./schema-shapes.ts";
import type { Shape } from "./shapes.ts";
import { anyShapes } from "./shapes.ts";
import { anyObject, objectWithout } from "./subtract-objects.ts";
import { subtractShapes } from "./subtract-shapes.ts";
import { uniqueShapes } from "./unique-shapes.ts";

/** What `allOf`, `anyOf`, `oneOf`, `not`, `if` and the dependencies of a schema leave of the values of its other keywords. */
export function combineSchemas(
  start: readonly Shape[],
  fields: SchemaFields,
  shapes: SchemaShapes,
): readonly Shape[] {
  let found = start;
  for (const branch of subschemas("allOf", fields, shapes)) found = shapes.intersect(found, branch);
  for (const keyword of ["anyOf", "oneOf"] as const) {
    if (!fields.has(keyword)) continue;
    const branches = subschemas(keyword, fields, shapes).map((branch) => shapes.intersect(found, branch));
    found = unite(keyword === "oneOf" ? separate(branches, fields, shapes) : branches);
    shapes.assertFew(found, fields.pathOf(keyword));
  }
  if (fields.has("not")) found = without(found, "not", { fields, shapes });
  if (fields.has("if")) found = applyCondition(found, fields, shapes);
  return applyDependencies(found, fields, shapes);
}

function subschemas(keyword: string, fields: SchemaFields, shapes: SchemaShapes): (readonly Shape[])[] {
  const list = fields.list(keyword);
  if (list?.length === 0) fields.invalid(keyword, "an array with schemas");
  return (list ?? []).map((schema, index) => subschema(schema, `${keyword}/${index}`, { fields, shapes }));
}

interface Place {
  readonly fields: SchemaFields;
  readonly shapes: SchemaShapes;
}

function subschema(
  schema: JsonValue | undefined,
  keyword: string,
  { fields, shapes }: Place,
): readonly Shape[] {
  return shapes.of(shapes.document.conjunctionOf(schema, fields.pathOf(keyword)));
}

function without(found: readonly Shape[], keyword: string, place: Place): readonly Shape[] {
  const { fields, shapes } = place;
  const rest = subtractShapes(found, subschema(fields.get(keyword), keyword, place), shapes);
  if (rest === undefined) {
    return fields.unsupported(keyword, "a schema of which it can be said what does not match it");
  }
  shapes.assertFew(rest, fields.pathOf(keyword));
  return rest;
}

/** Of each branch what no other one matches. */
function separate(
  branches: readonly (readonly Shape[])[],
  fields: SchemaFields,
  shapes: SchemaShapes,
): (readonly Shape[])[] {
  return branches.map((branch, index) => {
    let rest = branch;
    for (const [other, against] of branches.entries()) {
      if (other === index) continue;
      const less = subtractShapes(rest, against, shapes);
      if (less === undefined) {
        const expected = "branches of which it can be said what only one of them matches";
        return fields.unsupported("oneOf", expected, `branches ${other} and ${index}, which may overlap`);
      }
      rest = less;
    }
    return rest;
  });
}

function applyCondition(
  found: readonly Shape[],
  fields: SchemaFields,
  shapes: SchemaShapes,
): readonly Shape[] {
  if (!fields.has("then") && !fields.has("else")) return found;
  const place = { fields, shapes };
  const matching = shapes.intersect(found, subschema(fields.get("if"), "if", place));
  const rest = without(found, "if", place);
  const branch = (values: readonly Shape[], keyword: "then" | "else"): readonly Shape[] =>
    fields.has(keyword) ? shapes.intersect(values, subschema(fields.get(keyword), keyword, place)) : values;
  return unite([branch(matching, "then"), branch(rest, "else")]);
}

/** An object without the property, or with it and what it then must have. */
function applyDependencies(
  start: readonly Shape[],
  fields: SchemaFields,
  shapes: SchemaShapes,
): readonly Shape[] {
  const { path } = fields.node;
  let found = start;
  for (const keyword of ["dependentRequired", "dependentSchemas", "dependencies"]) {
    for (const [name, value] of fields.entries(keyword)) {
      const isList = Array.isArray(value);
      if (keyword === "dependentRequired" && !isList) fields.invalid(keyword, "arrays of names");
      const names = isList ? (value as readonly JsonValue[]).filter((each) => typeof each === "string") : [];
      if (isList && names.length < value.length) fields.invalid(keyword, "names of properties");
      const others = anyShapes(path).filter((shape) => shape.type !== "object");
      const absent = shapes.intersect(found, [...others, objectWithout(name, path)]);
      const present = shapes.intersect(found, [anyObject(path, { required: new Set([name, ...names]) })]);
      const step = `${keyword}/${name}`;
      const allowed = isList
        ? present
        : shapes.intersect(present, subschema(value, step, { fields, shapes }));
      found = unite([absent, allowed]);
      shapes.assertFew(found, fields.pathOf(step));
    }
  }
  return found;
}

/** The shapes of all, without repetitions. */
function unite(branches: readonly (readonly Shape[])[]): readonly Shape[] {
  return uniqueShapes(branches.flat());
}
