import * as fc from "fast-check";

/** A JSON Schema of the kind that request bodies are described with: no references, no `if`. */
export type Schema = Readonly<Record<string, unknown>>;

/** Longer texts and arrays than this say no more, and take longer. */
const mostCharacters = 40;
const mostElements = 3;
const mostOptionalFields = 6;

const oddTexts = ["", "\u0000", "é", "\u{1f600}", "\u2028", "</s>", "{{ 7 * 7 }}", '{"a":[1.0]}', "NaN"];

/** Anything that JSON has. */
const anything: fc.Arbitrary<unknown> = fc.jsonValue({ maxDepth: 2 });

/** What a field is replaced with to make a body that may be wrong. */
const oddValues: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(null, true, false, "", "x", [], {}, [[]], [null], { a: 1 }) },
  { weight: 4, arbitrary: fc.constantFrom(0, -1, 1.5, 129, 2 ** 31, 2 ** 53, 1e21, 1e308, -1e308, 5e-324) },
  { weight: 1, arbitrary: anything },
);

function texts(schema: Schema): fc.Arbitrary<string> {
  const minLength = Number(schema["minLength"] ?? 0);
  const maxLength = Math.min(Number(schema["maxLength"] ?? mostCharacters), mostCharacters);
  const odd = oddTexts.filter((text) => Array.from(text).length >= minLength);
  return fc.oneof(
    fc.string({ unit: "binary", minLength, maxLength }),
    fc.string({ minLength, maxLength }),
    fc.constantFrom(...odd),
  );
}

function integers(schema: Schema): fc.Arbitrary<number> {
  const min = Math.max(Number(schema["minimum"] ?? Number.MIN_SAFE_INTEGER), Number.MIN_SAFE_INTEGER);
  const max = Math.min(Number(schema["maximum"] ?? Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
  return fc.oneof(
    fc.constantFrom(min, max),
    fc.integer({ min, max: Math.min(max, min + 8) }),
    fc.maxSafeInteger().map((value) => Math.min(max, Math.max(min, value))),
  );
}

function numbers(schema: Schema): fc.Arbitrary<number> {
  const above = schema["exclusiveMinimum"];
  const min = Number(above ?? schema["minimum"] ?? -1e308);
  const max = Number(schema["maximum"] ?? 1e308);
  const minExcluded = above !== undefined;
  return fc.oneof(
    fc.constantFrom(minExcluded ? Number.MIN_VALUE : min, max),
    fc.double({ min, max, minExcluded, noNaN: true }),
  );
}

function arrays(schema: Schema): fc.Arbitrary<readonly unknown[]> {
  const minLength = Number(schema["minItems"] ?? 0);
  const maxLength = Math.min(Number(schema["maxItems"] ?? mostElements), minLength + mostElements);
  return fc.array(valuesOf((schema["items"] ?? {}) as Schema), { minLength, maxLength });
}

function names(schema: Schema | undefined): fc.Arbitrary<string> {
  const pattern = schema?.["pattern"];
  if (typeof pattern === "string") return fc.stringMatching(new RegExp(pattern));
  const excluded = ((schema?.["not"] as Schema | undefined)?.["enum"] ?? []) as readonly string[];
  return fc.string({ maxLength: 8 }).filter((name) => !excluded.includes(name));
}

function objects(schema: Schema): fc.Arbitrary<object> {
  const properties = (schema["properties"] ?? {}) as Readonly<Record<string, Schema>>;
  const required = (schema["required"] ?? []) as readonly string[];
  const optional = Object.keys(properties).filter((name) => !required.includes(name));
  const rest = fc.dictionary(
    names(schema["propertyNames"] as Schema | undefined),
    valuesOf((schema["additionalProperties"] ?? {}) as Schema),
    { maxKeys: optional.length + required.length === 0 ? 4 : 1, noNullPrototype: true },
  );
  const chosen = fc.subarray(optional, { maxLength: Math.min(optional.length, mostOptionalFields) });
  return chosen.chain((more) => {
    const fields = [...required, ...more].map((name) => [name, valuesOf(properties[name] ?? {})] as const);
    const known = fc.record(Object.fromEntries(fields), { noNullPrototype: true });
    return fc.tuple(rest, known).map(([others, own]) => Object.assign(others, own));
  });
}

function ofType(type: unknown, schema: Schema): fc.Arbitrary<unknown> {
  switch (type) {
    case "string":
      return texts(schema);
    case "integer":
      return integers(schema);
    case "number":
      return numbers(schema);
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array":
      return arrays(schema);
    case "object":
      return objects(schema);
    default:
      return anything;
  }
}

/** Values that a schema describes, save what its `allOf` and `not` say. */
export function valuesOf(schema: Schema): fc.Arbitrary<unknown> {
  if ("const" in schema) return fc.constant(schema["const"]);
  if (Array.isArray(schema["enum"])) return fc.constantFrom(...(schema["enum"] as readonly unknown[]));
  const branches = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(branches)) return fc.oneof(...(branches as readonly Schema[]).map(valuesOf));
  const { type } = schema;
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  return fc.oneof(...types.map((each) => ofType(each, schema)));
}

/** An object or array and one of its keys. */
type Place = readonly [holder: Record<string, unknown>, key: string];

function placesIn(value: unknown, into: Place[] = []): Place[] {
  if (typeof value !== "object" || value === null) return into;
  for (const [key, inner] of Object.entries(value)) {
    into.push([value as Record<string, unknown>, key]);
    placesIn(inner, into);
  }
  return into;
}

/** Bodies with one thing changed: a value replaced, a field taken away, or an unknown one added. */
export function nearly(bodies: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const changes = fc.constantFrom("replace", "replace", "remove", "add" as const);
  return fc.tuple(bodies, changes, fc.nat(), oddValues).map(([body, change, choice, odd]) => {
    const copy: unknown = structuredClone(body);
    const places = placesIn(copy);
    const place = places[choice % Math.max(places.length, 1)];
    if (place === undefined) return odd;
    const [holder, key] = place;
    if (change === "replace") holder[key] = odd;
    else if (change === "add") holder[Array.isArray(holder) ? String(holder.length) : "another"] = odd;
    else if (Array.isArray(holder)) holder.splice(Number(key), 1);
    else delete holder[key];
    return copy;
  });
}
