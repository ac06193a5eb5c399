import { expect, test } from "vitest";
import { textParametersOf } from "../../src/conversation/text-parameters.ts";

test("properties are texts where a schema says nothing else", () => {
  const texts = {
    a: { type: "string" },
    b: { type: ["null", "string"] },
    c: { anyOf: [{ type: "string" }, { type: "null" }] },
    d: { enum: ["x", "y", null] },
    e: { const: "x" },
    f: { oneOf: [{ const: "x" }, { anyOf: [{ type: "string", maxLength: 2 }] }] },
  };
  const others = {
    g: { type: "integer" },
    h: { type: ["string", "number"] },
    i: { anyOf: [{ type: "string" }, { type: "number" }] },
    j: { enum: ["x", 1] },
    k: { type: "null" },
    l: {},
    m: true,
    n: { $ref: "#/$defs/text" },
    o: { anyOf: "string" },
  };
  expect(textParametersOf({ type: "object", properties: { ...texts, ...others } })).toEqual(
    Object.keys(texts),
  );
  expect(textParametersOf(undefined)).toEqual([]);
  expect(textParametersOf({ properties: [] })).toEqual([]);
});
