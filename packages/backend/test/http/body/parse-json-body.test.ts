import * as fc from "fast-check";
import { expect, test } from "vitest";
import { assertJsonSize, jsonLimits } from "../../../src/api/shared/body/json-size.ts";
import { parseJsonBody } from "../../../src/http/body/parse-json-body.ts";

const parse = (text: string): unknown => parseJsonBody(Buffer.from(text));
const wellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text);

test("reads what JSON.parse reads", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5, noUnicodeString: false }), (json) => {
      fc.pre(!json.includes("__proto__") && wellFormed(JSON.stringify(JSON.parse(json))));
      expect(parse(json)).toEqual(JSON.parse(json));
    }),
    { numRuns: 300, seed: 31 },
  );
});

test("counts brackets and commas outside strings only", () => {
  const brackets = "[{".repeat(1000);
  expect(parse(JSON.stringify({ text: brackets, more: `\\"${brackets}\\` }))).toBeTypeOf("object");
  const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  expect(parse(nested(jsonLimits.depth))).toBeInstanceOf(Array);
  expect(() => parse(nested(jsonLimits.depth + 1))).toThrow("expected JSON of at most 64 levels, got more");
  const flat = (count: number): string => `[${"1,".repeat(count - 1)}1]`;
  expect(parse(flat(jsonLimits.elements))).toHaveLength(jsonLimits.elements);
  expect(() => parse(flat(jsonLimits.elements + 1))).toThrow(
    "expected at most 1000000 elements, got 1000001",
  );
  expect(() => parse(`[${"{},".repeat(jsonLimits.parts)}1]`)).toThrow(
    "at most 40000 arrays, objects and keys",
  );
});

test("the size check ends for any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(() => assertJsonSize(Buffer.from(bytes))).not.toThrow();
    }),
    { numRuns: 1000, seed: 32 },
  );
});

test("finds halves of surrogate pairs and __proto__ wherever they are, and however they are written", () => {
  expect(() => parse('{"a":[1,{"b":"\\uDE00"}]}')).toThrow(
    "`a[1].b`: expected Unicode text, got half of a surrogate pair",
  );
  expect(() => parse('{"a":{"\\ud83d":1}}')).toThrow("expected keys of Unicode text");
  expect(() => parse('{"a":[{"__proto__":1}]}')).toThrow("Unknown parameter: `a[0].__proto__`");
  expect(() => parse('{"\\u005f_proto__":1}')).toThrow("Unknown parameter: `__proto__`");
  expect(parse('{"a":"\\ud83d\\ude00 __proto__"}')).toEqual({ a: "😀 __proto__" });
});
