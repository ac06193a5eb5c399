import { assert, constantFrom, dictionary, jsonValue, maxSafeInteger, property } from "fast-check";
import { expect, test } from "vitest";
import { readExactInteger } from "../../src/http/read-exact-integer.ts";

test.each<[string, bigint | undefined]>([
  ['{"seed":9223372036854775807}', 9223372036854775807n],
  ['{ "seed" \n:\t -9223372036854775808 }', -9223372036854775808n],
  ['{"seed":1,"seed":2}', 2n],
  ['{"seed":12345678901234567890,"seed":1.5}', undefined],
  ['{"a":{"seed":1},"b":[{"seed":2},"seed",3],"c":"\\"seed\\":4"}', undefined],
  ['{"a":{"seed":1},"s\\u0065ed":5,"b":{"seed":6}}', 5n],
  ['{"seed":"7"}', undefined],
  ['{"seed":1e20}', undefined],
  ["{}", undefined],
])("reads of %s", (text, value) => {
  expect(readExactInteger(Buffer.from(text), "seed")).toBe(value);
});

test("agrees with JSON.parse on every integer that a double holds", () => {
  assert(
    property(dictionary(constantFrom("seed", "sed", "x"), jsonValue()), maxSafeInteger(), (rest, seed) => {
      const { seed: _, ...others } = rest;
      for (const body of [
        { ...others, seed },
        { seed, ...others },
      ]) {
        const found = readExactInteger(Buffer.from(JSON.stringify(body, undefined, 1)), "seed");
        expect(found).toBe(BigInt(seed));
      }
    }),
  );
});
