import * as fc from "fast-check";
import { expect, test } from "vitest";
import { mixHash } from "../../src/text/hash-text.ts";
import { maxDigestHashes, readPrefixDigest, writePrefixDigest } from "../../src/text/prefix-digest.ts";

const hashes = fc.array(fc.nat(2 ** 32 - 1), { maxLength: maxDigestHashes });

test("has every hash that was written, in a value of a registration", () => {
  fc.assert(
    fc.property(hashes, (written) => {
      const text = writePrefixDigest(written);
      expect(text).toMatch(/^[A-Za-z0-9_-]{512}$/);
      const digest = readPrefixDigest(text);
      expect(written.filter((hash) => digest?.has(hash) !== true)).toEqual([]);
    }),
  );
});

test("has fewer than 3 % of other hashes when it is full, and none when it is empty", () => {
  const others = Array.from({ length: 20_000 }, (_, at) => mixHash(1_000_000 + at));
  const countOf = (written: readonly number[]): number => {
    const digest = readPrefixDigest(writePrefixDigest(written));
    return others.filter((hash) => digest?.has(hash)).length;
  };
  expect(countOf(Array.from({ length: maxDigestHashes }, (_, at) => mixHash(at)))).toBeLessThan(600);
  expect(countOf([])).toBe(0);
});

test("a text of another length is no digest", () => {
  expect(readPrefixDigest("")).toBeUndefined();
  expect(readPrefixDigest("A".repeat(511))).toBeUndefined();
});
