import { Ajv2020 } from "ajv/dist/2020.js";
import { compileConstraint, ConstraintError, createTokenMasks } from "@infernode/inference/constraint";
import { createRandom } from "../../../../benchmarks/lib/random.ts";
import { describe, expect, it } from "vitest";
import { checkSchemas, type SchemaCase } from "../support/check-schemas.ts";
import { accepts, masksOf, trie, walk } from "../support/constraints.ts";

/** A property of this name would look like that of a promise. */
const consequence = ["if", "then"][1]!;
const closed = { type: "object", additionalProperties: false } as const;

const cases: readonly SchemaCase[] = [
  {
    name: "not an enum, not a range, not a type",
    schema: {
      ...closed,
      properties: {
        a: { type: "string", maxLength: 5, not: { enum: ["no", "never"] } },
        b: { type: "integer", not: { minimum: 3, maximum: 7 } },
        c: { type: ["null", "boolean", "integer"], not: { type: "boolean" } },
        d: { type: "number", not: { type: "integer" } },
      },
      required: ["a"],
    },
    valid: [{ a: "nope" }, { a: "n", b: 2, c: null, d: 0.5 }, { a: "", b: 8, c: 1, d: -1.25 }],
    invalid: [{ a: "no" }, { a: "never" }, { a: "x", b: 3 }, { a: "x", c: true }, { a: "x", d: 1 }],
  },
  {
    name: "not required together",
    schema: {
      ...closed,
      properties: { a: { type: "null" }, b: { type: "null" } },
      not: { required: ["a", "b"] },
    },
    valid: [{}, { a: null }, { b: null }],
    invalid: [{ a: null, b: null }],
  },
  {
    name: "a condition on a constant",
    schema: {
      ...closed,
      properties: {
        kind: { enum: ["circle", "square"] },
        size: { type: "integer", minimum: 0, maximum: 99 },
      },
      required: ["kind"],
      if: { properties: { kind: { const: "circle" } } },
      [consequence]: { properties: { size: { maximum: 9 } }, required: ["size"] },
      else: { properties: { size: { minimum: 10 } } },
    },
    valid: [{ kind: "circle", size: 9 }, { kind: "square" }, { kind: "square", size: 10 }],
    invalid: [{ kind: "circle" }, { kind: "circle", size: 10 }, { kind: "square", size: 9 }],
  },
  {
    name: "branches of which exactly one matches",
    schema: {
      oneOf: [
        { ...closed, properties: { a: { type: "null" }, b: { type: "null" } }, required: ["a"] },
        { ...closed, properties: { a: { type: "null" }, b: { type: "null" } }, required: ["b"] },
      ],
    },
    valid: [{ a: null }, { b: null }],
    invalid: [{}, { a: null, b: null }],
  },
  {
    name: "ranges, lengths and patterns that overlap",
    schema: {
      oneOf: [
        { type: "integer", minimum: 0, maximum: 9 },
        { type: "integer", minimum: 5, maximum: 20 },
        { type: "string", pattern: "^a", maxLength: 4 },
        { type: "string", pattern: "b$", maxLength: 4 },
      ],
    },
    valid: [0, 4, 10, 20, "a", "acc", "b", "cb"],
    invalid: [5, 9, 21, "ab", "acb", "c"],
  },
  {
    name: "dependencies",
    schema: {
      ...closed,
      properties: {
        card: { type: "null" },
        address: { type: "null" },
        tax: { type: "integer", maximum: 99 },
      },
      dependentRequired: { card: ["address"] },
      dependentSchemas: { tax: { properties: { tax: { minimum: 1 } }, required: ["card"] } },
    },
    valid: [{}, { address: null }, { card: null, address: null }, { card: null, address: null, tax: 1 }],
    invalid: [{ card: null }, { address: null, tax: 1 }, { card: null, address: null, tax: 0 }],
  },
  {
    name: "counted items",
    schema: {
      type: "array",
      items: { enum: ["a", "b", 1, 2] },
      contains: { type: "string" },
      minContains: 2,
      maxContains: 3,
      maxItems: 6,
    },
    valid: [
      ["a", "b"],
      ["a", 1, "a", 2, "b"],
      [1, 1, 1, 2, "a", "b"],
    ],
    invalid: [[], ["a"], [1, "a"], ["a", "a", "a", "a"], [1, 1, 1, 1, 1, "a", "b"]],
  },
  {
    name: "an item behind the first ones",
    schema: {
      type: "array",
      prefixItems: [{ type: "null" }],
      items: { type: "boolean" },
      contains: { const: true },
    },
    valid: [
      [null, true],
      [null, false, true, false],
    ],
    invalid: [[], [null], [null, false]],
  },
  {
    name: "different values",
    schema: { type: "array", items: { enum: ["a", "ab", 1, null] }, uniqueItems: true, minItems: 2 },
    valid: [
      ["ab", "a"],
      [null, 1, "a", "ab"],
    ],
    invalid: [["a"], ["a", "a"], [1, null, 1], ["a", "ab", 1, null, "a"]],
  },
  {
    name: "different strings",
    schema: { type: "array", items: { type: "string", minLength: 1 }, uniqueItems: true, maxItems: 4 },
    valid: [[], ["a"], ["a", "aa", "A", '"']],
    invalid: [[""], ["a", "a"], ["a", "b", '"', '"'], ["a", "b", "c", "d", "e"]],
  },
  {
    name: "what a string holds is not validated",
    schema: { type: "string", contentEncoding: "base64", contentMediaType: "image/png", maxLength: 3 },
    valid: ["", "?"],
    invalid: ["four"],
  },
];

describe("compileConstraint of schemas that are combined", () => {
  checkSchemas(cases);
});

/** Instances of all kinds that the random schemas speak about. */
const values: readonly unknown[] = (() => {
  const scalars = [null, true, false, 0, 1, 2, 3, 2.5, "", "a", "ab", "b"];
  const small = [0, 2, "a", null];
  const lists = [[], ...small.map((one) => [one]), ...small.flatMap((one) => small.map((two) => [one, two]))];
  const objects = [{}, ...small.flatMap((one) => [{ a: one }, { b: one }, { c: one }])];
  const pairs = small.flatMap((one) => small.map((two) => ({ a: one, b: two })));
  return [...scalars, ...lists, [0, 0, "a"], ["a", 2, "a"], ...objects, ...pairs, { a: 0, b: 2, c: "a" }];
})();

type Pick = <Item>(items: readonly Item[]) => Item;

function randomSchema(pick: Pick, depth: number): object | boolean {
  const inner = (): object | boolean => randomSchema(pick, depth - 1);
  const leaf = (): object =>
    pick<() => object>([
      () => ({ type: pick(["null", "boolean", "integer", "number", "string", "array", "object"]) }),
      () => ({ const: pick(values) }),
      () => ({ enum: [pick(values), pick(values), pick(values)] }),
      () => ({ minimum: pick([0, 1, 2]) }),
      () => ({ maximum: pick([0, 1, 2]) }),
      () => ({ multipleOf: pick([2, 0.5]) }),
      () => ({ minLength: pick([1, 2]) }),
      () => ({ maxLength: pick([0, 1]) }),
      () => ({ pattern: pick(["^a", "b$", "a|b"]) }),
      () => ({ minItems: pick([1, 2]) }),
      () => ({ maxItems: pick([0, 1]) }),
      () => ({ required: [pick(["a", "b", "c"])] }),
      () => ({ maxProperties: pick([1, 2]) }),
    ])();
  if (depth === 0) return leaf();
  const part = pick<() => object | boolean>([
    leaf,
    () => pick([true, false]),
    () => ({ properties: { a: inner(), b: inner() } }),
    () => ({ properties: { a: inner(), b: inner() }, additionalProperties: false }),
    () => ({ items: inner() }),
    () => ({ prefixItems: [inner()], items: inner() }),
    () => ({ contains: inner(), minContains: pick([1, 2]) }),
    () => ({ contains: inner(), maxContains: 1 }),
    () => ({ items: { enum: [0, 2, "a", null] }, uniqueItems: true }),
    () => ({ not: inner() }),
    () => ({ anyOf: [inner(), inner()] }),
    () => ({ oneOf: [inner(), inner()] }),
    () => ({ oneOf: [inner(), inner(), inner()] }),
    () => ({ if: inner(), [consequence]: inner(), else: inner() }),
    () => ({ dependentRequired: { a: ["b"] } }),
    () => ({ dependentSchemas: { a: inner() } }),
  ])();
  return typeof part === "object" && pick([true, false]) ? { ...leaf(), ...part } : part;
}

/** The texts of a value with the properties of its objects in all orders; objects have at most three. */
function textsOf(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [JSON.stringify(value)];
  const permute = (entries: readonly (readonly [string, unknown])[]): (readonly [string, unknown])[][] =>
    entries.length <= 1
      ? [[...entries]]
      : entries.flatMap((entry) => {
          const rests = permute(entries.filter((other) => other !== entry));
          for (const rest of rests) rest.unshift(entry);
          return rests;
        });
  return permute(Object.entries(value)).map((entries) => JSON.stringify(Object.fromEntries(entries)));
}

describe("formats", () => {
  it("of regular expressions are ones", () => {
    const masks = masksOf({ jsonSchema: { type: "string", format: "regex" } });
    for (let seed = 1; seed <= 30; seed += 1) {
      const { text, isFinished } = walk(masks, { seed, maxTokens: 80 });
      if (isFinished) expect(() => new RegExp(JSON.parse(text) as string, "u")).not.toThrow();
    }
    const known = ["^[a-z]+(-[0-9]{1,3})*$", String.raw`\d+\.\d+|none`, "a?b"];
    expect(known.filter((text) => !accepts(masks, JSON.stringify(text)))).toEqual([]);
  });

  it("are asserted: a text that is not of one matches only the other branch", () => {
    const masks = masksOf({ jsonSchema: { oneOf: [{ enum: ["auto"] }, { type: "string", format: "uri" }] } });
    const texts = ["auto", "https://example.com/a", "other"];
    expect(texts.map((text) => accepts(masks, JSON.stringify(text)))).toEqual([true, true, false]);
  });
});

describe("random schemas", () => {
  it("accept what ajv finds valid and nothing else, and never come to a dead end", () => {
    const random = createRandom(7);
    const pick: Pick = (items) => items[Math.floor(random() * items.length)]!;
    const ajv = new Ajv2020({ strict: false, allErrors: false });
    const wrong: string[] = [];
    let compiled = 0;
    for (let round = 0; round < 250; round += 1) {
      const schema = randomSchema(pick, 2);
      const validate = ajv.compile(schema as object);
      const isValid = values.map((value) => validate(value));
      let masks;
      try {
        masks = createTokenMasks(compileConstraint({ jsonSchema: schema, whitespace: "compact" }), trie);
      } catch (error) {
        if (!(error instanceof ConstraintError)) throw error;
        if (error.got === "one that nothing matches" && isValid.includes(true)) {
          wrong.push(`nothing matches ${JSON.stringify(schema)}`);
        }
        continue;
      }
      compiled += 1;
      for (const [index, value] of values.entries()) {
        const isAccepted = textsOf(value).some((text) => accepts(masks, text));
        if (isAccepted !== isValid[index]) {
          wrong.push(
            `${isAccepted ? "accepts" : "refuses"} ${JSON.stringify(value)}: ${JSON.stringify(schema)}`,
          );
        }
      }
      const { text, isFinished } = walk(masks, { seed: round, maxTokens: 60 });
      if (isFinished && !validate(JSON.parse(text))) wrong.push(`writes ${text}: ${JSON.stringify(schema)}`);
    }
    expect(wrong).toEqual([]);
    expect(compiled).toBeGreaterThan(150);
  });

  it("of different strings drop the tokens that would repeat one", () => {
    const masks = masksOf({ jsonSchema: { items: { type: "string" }, type: "array", uniqueItems: true } });
    for (let seed = 0; seed < 20; seed += 1) {
      const { text, isFinished } = walk(masks, { seed, maxTokens: 200 });
      if (!isFinished) continue;
      const items = JSON.parse(text) as unknown[];
      expect(new Set(items).size).toBe(items.length);
    }
  });
});
