import { compileConstraint, ConstraintError, type ConstraintSource } from "@infernode/inference/constraint";
import { describe, expect, it } from "vitest";

/** The error of a source; the test fails if there is none. */
function refusal(source: ConstraintSource): ConstraintError {
  try {
    compileConstraint(source);
  } catch (error) {
    expect(error).toBeInstanceOf(ConstraintError);
    return error as ConstraintError;
  }
  throw new Error("expected an error");
}

/** Without one an `if` says nothing. */
const consequence = JSON.parse('{"then":false}') as object;

describe("compileConstraint", () => {
  const keywords: readonly (readonly [string, unknown])[] = [
    ["not", { patternProperties: { "^a": { type: "string" } } }],
    ["if", { additionalProperties: false }],
    ["unevaluatedProperties", false],
    ["$dynamicRef", "#a"],
    ["maxlength", 3],
  ];
  for (const [keyword, value] of keywords) {
    it(`refuses ${keyword} by name and path`, () => {
      const error = refusal({
        jsonSchema: { type: "object", properties: { "a/b": { [keyword]: value, ...consequence } } },
      });
      expect(error).toMatchObject({ code: "UNSUPPORTED_CONSTRAINT", keyword, path: "#/properties/a~1b" });
    });
  }

  const malformed: readonly (readonly [string, ConstraintSource, object])[] = [
    ["a type", { jsonSchema: { type: "text" } }, { keyword: "type", path: "#" }],
    ["a count", { jsonSchema: { items: { minLength: -1 } } }, { keyword: "minLength", path: "#/items" }],
    ["a reference", { jsonSchema: { $ref: "#/$defs/none" } }, { keyword: "$ref" }],
    [
      "a reference to another document",
      { jsonSchema: { $ref: "https://example.com/a.json" } },
      { keyword: "$ref" },
    ],
    ["a schema that is itself", { jsonSchema: { $ref: "#" } }, { keyword: "$ref" }],
    ["what nothing matches", { jsonSchema: { type: "string", minLength: 2, maxLength: 1 } }, { path: "#" }],
    [
      "recursion without an end",
      { jsonSchema: { type: "object", properties: { a: { $ref: "#" } }, required: ["a"] } },
      { path: "#" },
    ],
    ["a pattern", { regex: "a(b" }, { path: "regex", position: 3 }],
    ["a pattern in a schema", { jsonSchema: { pattern: "[a" } }, { path: "#/pattern", position: 2 }],
    ["a quantifier", { regex: "a**" }, { path: "regex", position: 2 }],
    ["an empty list", { choice: [] }, { path: "choice" }],
    ["an empty text", { choice: ["a", ""] }, { path: "choice[1]" }],
  ];
  for (const [name, source, fields] of malformed) {
    it(`says where the error is: ${name}`, () => {
      expect(refusal(source)).toMatchObject({ code: "INVALID_CONSTRAINT", ...fields });
    });
  }

  const unsupported: readonly (readonly [string, ConstraintSource, object])[] = [
    ["a back reference", { regex: "(a)\\1" }, { path: "regex", position: 4 }],
    ["lookaround", { regex: "a(?=b)" }, { path: "regex" }],
    ["a word boundary", { regex: "\\ba" }, { path: "regex", position: 1 }],
    [
      "branches that overlap",
      { jsonSchema: { oneOf: [{ type: "object" }, { additionalProperties: { type: "null" } }] } },
      { keyword: "oneOf" },
    ],
    [
      "different objects",
      { jsonSchema: { items: { type: "object" }, uniqueItems: true } },
      { path: "#/items" },
    ],
    [
      "different strings that run out",
      { jsonSchema: { items: { type: "string", maxLength: 3 }, uniqueItems: true } },
      { keyword: "uniqueItems" },
    ],
    ["an unknown format", { jsonSchema: { type: "string", format: "color" } }, { keyword: "format" }],
    [
      "names that run out",
      {
        jsonSchema: {
          type: "object",
          patternProperties: { "^[a-z]{1,9}$": {} },
          additionalProperties: false,
        },
      },
      { keyword: "patternProperties" },
    ],
    [
      "a pattern with gaps and large lengths",
      { jsonSchema: { type: "string", pattern: "^(ab)*$", maxLength: 1e9 } },
      { path: "#/pattern" },
    ],
  ];
  for (const [name, source, fields] of unsupported) {
    it(`refuses what it cannot enforce: ${name}`, () => {
      expect(refusal(source)).toMatchObject({ code: "UNSUPPORTED_CONSTRAINT", ...fields });
    });
  }
});

describe("compileConstraint of a hostile source", () => {
  const nested = (depth: number): object => {
    let schema: object = { type: "null" };
    for (let level = 0; level < depth; level += 1) schema = { type: "array", items: schema };
    return schema;
  };
  const anyOfs = (depth: number): object => {
    const branches = Array.from({ length: depth }, (_, index) => ({
      anyOf: [
        { properties: { [`a${index}`]: { const: 1 } } },
        { properties: { [`a${index}`]: { const: 2 } } },
      ],
    }));
    return { type: "object", allOf: branches };
  };
  const sources: readonly (readonly [string, ConstraintSource])[] = [
    ["a deep schema", { jsonSchema: nested(100_000) }],
    ["exponentially many alternatives", { jsonSchema: anyOfs(40) }],
    [
      "an enormous enum",
      { jsonSchema: { enum: Array.from({ length: 200_000 }, (_, index) => `value ${index}`) } },
    ],
    ["a deep pattern", { regex: "(".repeat(100_000) + "a" + ")".repeat(100_000) }],
    ["repetitions of repetitions", { regex: "((((a?){1000}){1000}){1000}){1000}" }],
    ["a pattern of many repetitions that may be empty", { regex: "(a?){1000000000}" }],
    [
      "a long chain of references",
      {
        jsonSchema: {
          $ref: "#/$defs/a0",
          $defs: Object.fromEntries(
            Array.from({ length: 9000 }, (_, index) => [`a${index}`, { $ref: `#/$defs/a${index + 1}` }]),
          ),
        },
      },
    ],
    [
      "a pattern with exponentially many states and a length",
      { jsonSchema: { type: "string", pattern: "^(a|b)*a(a|b){40}$", minLength: 50 } },
    ],
    [
      "patterns of names that multiply",
      {
        jsonSchema: {
          type: "object",
          patternProperties: Object.fromEntries(
            Array.from({ length: 40 }, (_, index) => [`a{${index + 1}}b`, {}]),
          ),
        },
      },
    ],
    ["many texts", { choice: Array.from({ length: 400_000 }, (_, index) => `text ${index}`) }],
  ];
  for (const [name, source] of sources) {
    it(`ends in counted work: ${name}`, () => {
      expect(refusal(source).code).toBe("CONSTRAINT_TOO_LARGE");
    });
  }

  it("counts large bounds instead of writing them out", () => {
    const schema = { type: "array", items: { type: "string", maxLength: 1e9 }, minItems: 1e9, maxItems: 2e9 };
    expect(compileConstraint({ jsonSchema: schema }).stateCount).toBeLessThan(300);
    expect(compileConstraint({ regex: "[a-z]{5,1000000000}" }).stateCount).toBeLessThan(20);
  });
});
