import { assert, bigInt, constantFrom, dictionary, jsonValue, property } from "fast-check";
import { expect, test } from "vitest";
import { parseJsonBody } from "../../src/http/body/parse-json-body.ts";

const exact = { texts: [], wideIntegers: ["seed"] };
const seedOf = (text: string): unknown =>
  (parseJsonBody(Buffer.from(text), exact) as { seed?: unknown }).seed;

test.each<[string, unknown]>([
  ['{"seed":9223372036854775807}', 9223372036854775807n],
  ['{ "seed" \n:\t -9223372036854775808 }', -9223372036854775808n],
  ['{"seed":12345678901234567890,"seed":2}', 2],
  ['{"seed":1,"seed":12345678901234567890}', 12345678901234567890n],
  ['{"a":{"seed":12345678901234567891},"s\\u0065ed":12345678901234567892,"b":"seed"}', 12345678901234567892n],
  ['{"a":{"seed":12345678901234567891}}', undefined],
  ['{"seed":"12345678901234567891"}', "12345678901234567891"],
  ['{"seed":1e20}', 1e20],
  ['{"seed":1e400}', Infinity],
])("of %s keeps its digits", (text, seed) => {
  expect(seedOf(text)).toBe(seed);
});

test("is exact for every integer of 64 bits, wherever it stands", () => {
  const others = dictionary(constantFrom("seed", "sed", "x"), jsonValue());
  assert(
    property(others, bigInt(-(2n ** 63n), 2n ** 64n - 1n), (rest, seed) => {
      const before = JSON.stringify(rest).slice(1, -1);
      const text = `{${before}${before === "" ? "" : ","}"seed":${seed},"y":{"seed":1}}`;
      expect(BigInt(seedOf(text) as number | bigint)).toBe(seed);
    }),
    { seed: 64 },
  );
});
