import { describe } from "vitest";
import { checkSchemas, type SchemaCase } from "../support/check-schemas.ts";

/** Schemas with instances that match and that do not, as `JSON.stringify` writes them. */
const cases: readonly SchemaCase[] = [
  {
    name: "properties in order, some optional",
    schema: {
      type: "object",
      properties: { name: { type: "string" }, age: { type: "integer" }, admin: { type: "boolean" } },
      required: ["name"],
      additionalProperties: false,
    },
    valid: [
      { name: "a" },
      { name: "", age: 3 },
      { name: 'é\n"', age: -20, admin: true },
      { name: "x", admin: false },
    ],
    invalid: [{}, { age: 1 }, { name: 1 }, { name: "a", age: 1.5 }, { name: "a", more: 1 }],
  },
  {
    name: "lengths in code points",
    schema: { type: "string", minLength: 2, maxLength: 4 },
    valid: ["ab", "😀😀", "\n\t", "漢字漢字"],
    invalid: ["a", "", "abcde", "😀"],
  },
  {
    name: "a pattern and lengths",
    schema: { type: "string", pattern: "^[a-z]+(-[a-z]+)*$", minLength: 3, maxLength: 9 },
    valid: ["abc", "a-b", "abcdefghi", "a-b-c-d-e"],
    invalid: ["ab", "-ab", "ab-", "abcdefghij", "ABC"],
  },
  {
    name: "a pattern that matches a part",
    isWalked: false,
    schema: { type: "string", pattern: "b[0-9]|^x|z$" },
    valid: ["ab3c", "b0", "x", "xyz", "..z"],
    invalid: ["", "ax", "zb", "b"],
  },
  {
    name: "a pattern whose lengths have gaps",
    schema: { type: "string", pattern: "^(ab)*$", minLength: 3, maxLength: 6 },
    valid: ["abab", "ababab"],
    invalid: ["ab", "aba", "abababab"],
  },
  {
    name: "bounds of integers",
    schema: { type: "integer", minimum: -12, exclusiveMaximum: 105 },
    valid: [-12, -1, 0, 9, 99, 104],
    invalid: [-13, 105, 1000, 0.5],
  },
  {
    name: "bounds of numbers",
    schema: { type: "number", minimum: -0.25, maximum: 12.5 },
    valid: [-0.25, -0.1, 0, 3, 12, 12.5, 12.499],
    invalid: [-0.26, -1, 12.51, 13],
  },
  {
    name: "multiples",
    schema: { type: "integer", multipleOf: 7, minimum: 8 },
    valid: [14, 700],
    invalid: [7, 15, 0],
  },
  {
    name: "fractions",
    schema: { type: "number", multipleOf: 0.25 },
    valid: [0, 0.25, -1.5, 3],
    invalid: [0.1, 0.3],
  },
  {
    name: "lengths of arrays",
    schema: { type: "array", items: { enum: [1, "x", null] }, minItems: 2, maxItems: 30 },
    valid: [[1, "x"], [null, null, null], Array.from({ length: 30 }, () => 1)],
    invalid: [[], [1], [1, 2], Array.from({ length: 31 }, () => 1)],
  },
  {
    name: "tuples",
    schema: {
      type: "array",
      prefixItems: [{ type: "integer" }, { type: "string" }],
      items: { type: "null" },
      minItems: 1,
    },
    valid: [[1], [1, "a"], [1, "a", null, null]],
    invalid: [[], ["a"], [1, 1], [1, "a", 1]],
  },
  {
    name: "other properties",
    schema: {
      type: "object",
      properties: { id: { type: "integer" } },
      additionalProperties: { type: "string" },
      maxProperties: 3,
    },
    valid: [{}, { id: 1 }, { a: "x", b: "y", c: "" }, { id: 1, a: "" }],
    invalid: [{ id: "x" }, { a: 1 }, { a: "", b: "", c: "", d: "" }],
  },
  {
    name: "patterns of names",
    isWalked: false,
    schema: {
      type: "object",
      patternProperties: { "^x-": { type: "integer" }, "-id$": { minimum: 10 } },
      additionalProperties: false,
      minProperties: 1,
    },
    valid: [{ "x-a": 1 }, { "x-id": 10 }, { "a-id": "text", "x-": 1 }],
    invalid: [{}, { a: 1 }, { "x-a": "1" }, { "x-id": 9 }, { "a-id": 3 }],
  },
  {
    name: "names",
    schema: {
      type: "object",
      propertyNames: { enum: ["a", "b", "c"] },
      additionalProperties: { type: "null" },
      minProperties: 2,
    },
    valid: [
      { a: null, c: null },
      { a: null, b: null, c: null },
    ],
    invalid: [{ a: null }, { a: null, d: null }],
  },
  {
    name: "recursion",
    schema: {
      $defs: {
        node: {
          type: "object",
          properties: {
            value: { type: "integer" },
            children: { type: "array", items: { $ref: "#/$defs/node" } },
          },
          required: ["value"],
          additionalProperties: false,
        },
      },
      $ref: "#/$defs/node",
    },
    valid: [{ value: 1 }, { value: 1, children: [{ value: 2 }, { value: 3, children: [] }] }],
    invalid: [{}, { value: 1, children: [{}] }, { value: 1, children: [1] }],
  },
  {
    name: "alternatives",
    schema: {
      oneOf: [
        {
          type: "object",
          properties: { kind: { const: "a" }, x: { type: "integer" } },
          required: ["kind", "x"],
        },
        { type: "object", properties: { kind: { const: "b" }, y: { type: "string" } }, required: ["kind"] },
        { type: "array", maxItems: 1 },
      ],
    },
    valid: [{ kind: "a", x: 1 }, { kind: "b" }, { kind: "b", y: "", z: 1 }, [], [[]]],
    invalid: [{ kind: "a" }, { kind: "c" }, { kind: "b", y: 1 }, [1, 2], 1],
  },
  {
    name: "schemas that all apply",
    schema: {
      allOf: [
        { type: "object", properties: { a: { type: "number", minimum: 3 } }, required: ["a"] },
        {
          properties: { a: { type: "integer", maximum: 5 }, b: { type: "string" } },
          additionalProperties: false,
        },
      ],
    },
    valid: [{ a: 3 }, { a: 5, b: "" }],
    invalid: [{}, { a: 2 }, { a: 3.5 }, { a: 3, c: 1 }, { b: "" }],
  },
  {
    name: "values",
    schema: { enum: [{ a: [1, "x"] }, [], "text", 1.5, false] },
    valid: [{ a: [1, "x"] }, [], "text", 1.5, false],
    invalid: [{ a: [1] }, "tex", 1, true, null],
  },
  {
    name: "several types",
    schema: { type: ["string", "null", "integer"], maxLength: 1, minimum: 2 },
    valid: ["", "x", null, 2],
    invalid: ["xy", 1, true, []],
  },
  {
    name: "a date",
    schema: { type: "string", format: "date" },
    valid: ["2024-02-29", "2023-12-31", "2000-02-29"],
    invalid: ["2023-02-29", "1900-02-29", "2024-13-01", "2024-04-31"],
  },
  {
    name: "a time and a date",
    schema: { type: "string", format: "date-time" },
    valid: ["2024-05-06T07:08:09Z", "2024-05-06T07:08:09.5+02:00"],
    invalid: ["2024-05-06", "2024-05-06T25:00:00Z"],
  },
  { name: "anything", schema: {}, valid: [null, { a: { b: [1, {}] } }, "x", -3e-7], invalid: [] },
];

describe("compileConstraint of a JSON schema", () => {
  checkSchemas(cases);
});
