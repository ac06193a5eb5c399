import * as fc from "fast-check";
import { expect, test } from "vitest";
import { jsonPieces, JsonParts } from "../../../../src/api/shared/generation/json-pieces.ts";

const write = (value: unknown): string => [...jsonPieces(value)].join("");

test("writes what JSON.stringify writes", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      expect(write(value)).toBe(JSON.stringify(value));
    }),
    { numRuns: 300, seed: 41 },
  );
  expect(write({ a: undefined, b: [undefined, 1] })).toBe('{"b":[null,1]}');
});

test("writes the elements of parts as one array, wherever it stands", () => {
  const parts = fc.array(fc.array(fc.jsonValue(), { maxLength: 3 }), { maxLength: 4 });
  fc.assert(
    fc.property(parts, parts, (first, second) => {
      const value = { first: new JsonParts(first), list: [{ second: new JsonParts(second) }, 1] };
      expect(write(value)).toBe(
        JSON.stringify({ first: first.flat(), list: [{ second: second.flat() }, 1] }),
      );
    }),
    { numRuns: 300, seed: 42 },
  );
});

test("makes a part when the part before it was read", () => {
  const made: number[] = [];
  const pieces = jsonPieces({
    content: new JsonParts(
      (function* make() {
        for (const each of [1, 2, 3]) {
          made.push(each);
          yield [each];
        }
      })(),
    ),
  });
  let text = "";
  while (!text.endsWith("[1")) text += pieces.next().value;
  expect(made).toEqual([1]);
  expect(text + [...pieces].join("")).toBe('{"content":[1,2,3]}');
});
