import { parsePattern } from "../../regex/parse-pattern.ts";
import { type PatternScope, resolveAnchors } from "../../regex/resolve-anchors.ts";
import { formats } from "./formats.ts";
import type { JsonValue } from "../schema/json-value.ts";
import type { Conjunction, SchemaDocument } from "../schema/schema-document.ts";
import type { SchemaFields } from "../schema/schema-fields.ts";
import {
  anyNumber,
  type ArrayShape,
  type ItemCount,
  type NumberBound,
  type NumberShape,
  type ObjectShape,
  type Shape,
  type StringPattern,
  type StringShape,
} from "./shapes.ts";

const typeNames = ["null", "boolean", "number", "integer", "string", "array", "object"];

/** What `type` and the keywords of each type say, without `enum`, `const` and those that combine schemas. */
export function readTypes(fields: SchemaFields, document: SchemaDocument): readonly Shape[] {
  const types = readTypeNames(fields);
  const shapes: Shape[] = [];
  const path = fields.node.path;
  if (types.has("null")) shapes.push({ type: "null" });
  if (types.has("boolean")) shapes.push({ type: "boolean" });
  if (types.has("number")) shapes.push(readNumber(fields, false));
  else if (types.has("integer")) shapes.push(readNumber(fields, true));
  if (types.has("string")) shapes.push(readString(fields, document));
  if (types.has("array")) shapes.push(readArray(fields, document));
  if (types.has("object")) shapes.push({ ...readObject(fields, document), path });
  return shapes.filter(isPossible);
}

function isPossible(shape: Shape): boolean {
  return !("min" in shape) || shape.min <= shape.max;
}

function readTypeNames(fields: SchemaFields): ReadonlySet<string> {
  const value = fields.get("type");
  if (value === undefined) return new Set(typeNames);
  const names: readonly JsonValue[] = Array.isArray(value) ? (value as readonly JsonValue[]) : [value];
  const known = names.filter((name): name is string => typeof name === "string" && typeNames.includes(name));
  if (known.length !== names.length || names.length === 0) {
    fields.invalid("type", `one or more of ${typeNames.join(", ")}`);
  }
  return new Set(known);
}

function readNumber(fields: SchemaFields, isInteger: boolean): NumberShape {
  const multiple = fields.number("multipleOf");
  if (multiple !== undefined && multiple <= 0) fields.invalid("multipleOf", "a number above 0");
  return {
    ...anyNumber(fields.node.path, isInteger),
    low: readBound(fields, "inimum"),
    high: readBound(fields, "aximum"),
    multiples: multiple === undefined ? [] : [multiple],
  };
}

/** `minimum` and `exclusiveMinimum`, or their counterparts; draft 4 has a boolean for the second. */
function readBound(fields: SchemaFields, name: "inimum" | "aximum"): NumberBound | undefined {
  const keyword = `m${name}`;
  const value = fields.number(keyword);
  const exclusiveKeyword = `exclusiveM${name}`;
  const flag = fields.get(exclusiveKeyword);
  if (typeof flag === "boolean") return value === undefined ? undefined : { value, isExclusive: flag };
  const exclusive = fields.number(exclusiveKeyword);
  if (exclusive === undefined) return value === undefined ? undefined : { value, isExclusive: false };
  const isTighter = value === undefined || (name === "inimum" ? exclusive >= value : exclusive <= value);
  return isTighter ? { value: exclusive, isExclusive: true } : { value, isExclusive: false };
}

function readString(fields: SchemaFields, document: SchemaDocument): StringShape {
  const patterns: StringPattern[] = [];
  const pattern = fields.text("pattern");
  if (pattern !== undefined) {
    patterns.push(compilePattern(pattern, { path: fields.pathOf("pattern"), scope: "part" }, document));
  }
  const format = fields.text("format");
  if (format !== undefined) {
    const known = formats.get(format);
    if (known === undefined) fields.unsupported("format", `one of ${[...formats.keys()].join(", ")}`);
    const place = { path: fields.pathOf("format"), scope: "whole" } as const;
    patterns.push({ ...compilePattern(known.pattern, place, document), wide: known.wide });
  }
  return {
    type: "string",
    min: fields.count("minLength", 0),
    max: fields.count("maxLength", Infinity),
    patterns,
  };
}

function compilePattern(
  source: string,
  { path, scope }: { readonly path: string; readonly scope: PatternScope },
  { budget }: SchemaDocument,
): StringPattern {
  budget.path = path;
  const node = resolveAnchors(parsePattern(source, path, budget), scope, path);
  return { node, path, source: `${scope} ${source}` };
}

function readArray(fields: SchemaFields, document: SchemaDocument): ArrayShape {
  const items = fields.get("items");
  const isTuple = Array.isArray(items);
  const prefix = (isTuple ? fields.list("items") : fields.list("prefixItems")) ?? [];
  const rest = isTuple ? "additionalItems" : "items";
  const isUnique = fields.get("uniqueItems") ?? false;
  if (typeof isUnique !== "boolean") return fields.invalid("uniqueItems", "true or false");
  return {
    type: "array",
    contains: readContains(fields, document),
    isUnique,
    prefix: prefix.map((schema, index) =>
      document.conjunctionOf(schema, `${fields.pathOf(isTuple ? "items" : "prefixItems")}/${index}`),
    ),
    items: read(fields, rest, document),
    min: fields.count("minItems", 0),
    max: fields.count("maxItems", Infinity),
  };
}

function readContains(fields: SchemaFields, document: SchemaDocument): readonly ItemCount[] {
  if (!fields.has("contains")) return [];
  // Drafts before 2019-09 do not have the counts.
  const hasCounts = !document.ignoresSiblings;
  const min = hasCounts ? fields.count("minContains", 1) : 1;
  const max = hasCounts ? fields.count("maxContains", Infinity) : Infinity;
  return min === 0 && max === Infinity
    ? []
    : [{ value: read(fields, "contains", document), from: 0, min, max }];
}

function read(fields: SchemaFields, keyword: string, document: SchemaDocument): Conjunction {
  return document.conjunctionOf(fields.get(keyword) ?? true, fields.pathOf(keyword));
}

function readObject(fields: SchemaFields, document: SchemaDocument): ObjectShape {
  const properties = new Map(
    fields
      .entries("properties")
      .map(([name, schema]) => [
        name,
        document.conjunctionOf(schema, `${fields.pathOf("properties")}/${name}`),
      ]),
  );
  const patterns = fields.entries("patternProperties").map(([source, schema]) => {
    const path = `${fields.pathOf("patternProperties")}/${source}`;
    const value = document.conjunctionOf(schema, path);
    return { pattern: compilePattern(source, { path, scope: "part" }, document), value };
  });
  return {
    type: "object",
    layers: [{ properties, patterns, additional: read(fields, "additionalProperties", document) }],
    names: read(fields, "propertyNames", document),
    required: new Set(fields.texts("required")),
    min: fields.count("minProperties", 0),
    max: fields.count("maxProperties", Infinity),
    path: fields.node.path,
  };
}
