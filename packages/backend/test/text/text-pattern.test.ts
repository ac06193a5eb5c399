import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createTextPattern } from "../../src/text/text-pattern.ts";

test("matches as the regular expression does", () => {
  const scraps = fc.array(fc.constantFrom("a", "b", ".", "*"), { maxLength: 8 });
  const texts = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 10 });
  fc.assert(
    fc.property(scraps, texts, (parts, text) => {
      const source = parts.map((part) => (part === "*" ? ".*" : part.replace(".", "\\."))).join("");
      expect(createTextPattern(parts.join(""))(text)).toBe(new RegExp(`^${source}$`).test(text));
    }),
    { numRuns: 1000 },
  );
});
