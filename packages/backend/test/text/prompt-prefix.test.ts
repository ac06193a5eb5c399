import * as fc from "fast-check";
import { expect, test } from "vitest";
import { hashPrefixes, prefixLengths } from "../../src/text/prompt-prefix.ts";

const bytes = fc.uint8Array({ maxLength: 900 });

test("prompts that begin alike have the same first hashes, and no more", () => {
  fc.assert(
    fc.property(bytes, bytes, bytes, (shared, one, other) => {
      const [a, b] = [Buffer.concat([shared, one]), Buffer.concat([shared, other])];
      let length = 0;
      while (length < Math.min(a.length, b.length) && a[length] === b[length]) length += 1;
      const [left, right] = [hashPrefixes([a]), hashPrefixes([b])];
      for (const [index, end] of prefixLengths.entries()) {
        expect(left[index] !== undefined && left[index] === right[index]).toBe(end <= length);
      }
    }),
  );
});

test("how a prompt is cut into parts changes no hash", () => {
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 20 }), (parts) => {
      expect(hashPrefixes(parts)).toEqual(hashPrefixes([Buffer.concat(parts)]));
    }),
  );
});

test("a prompt has a hash of each beginning that it is as long as, up to the longest", () => {
  const countOf = (length: number): number => hashPrefixes([Buffer.alloc(length)]).length;
  expect([0, 255, 256, 511, 512, 16_383, 16_384, 1_000_000].map(countOf)).toEqual([0, 0, 1, 1, 2, 6, 7, 7]);
});
