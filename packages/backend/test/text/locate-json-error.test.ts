import * as fc from "fast-check";
import { expect, test } from "vitest";
import { locateJsonError } from "../../src/text/locate-json-error.ts";

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test("finds an error exactly where JSON.parse does", () => {
  const scraps = fc.constantFrom(
    '"',
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "1",
    "-",
    ".",
    "e",
    "true",
    "null",
    " ",
    "\n",
    "\\",
    "\\u00",
    "a",
    "01",
    "\t",
  );
  const text = fc.oneof(
    fc.array(scraps, { maxLength: 12 }).map((parts) => parts.join("")),
    fc.tuple(fc.json(), fc.nat(), scraps).map(([json, at, scrap]) => {
      const place = at % (json.length + 1);
      return json.slice(0, place) + scrap + json.slice(place);
    }),
    fc.json(),
  );
  fc.assert(
    fc.property(text, (each) => {
      expect(locateJsonError(each) === undefined).toBe(isJson(each));
    }),
    { numRuns: 3000, seed: 11 },
  );
});

test("no text that ends before the error is invalid", () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(), (json, at) => {
      const cut = json.slice(0, at % json.length);
      const place = locateJsonError(cut);
      // An incomplete number or word is invalid from its start.
      expect(place === undefined ? "" : cut.slice(place.position)).toMatch(/^(?:[\w.+-]+|\\u?[\da-fA-F]*)?$/);
    }),
    { numRuns: 1000, seed: 12 },
  );
});

test("counts lines and columns from 1 and positions from 0", () => {
  expect(locateJsonError('{\n "a": 1,\n "b" 2}')).toEqual({
    position: 16,
    line: 3,
    column: 6,
    expected: "`:`",
    found: '"2"',
  });
});
