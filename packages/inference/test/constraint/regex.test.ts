import { describe, expect, it } from "vitest";
import { accepts, masksOf } from "../support/constraints.ts";

const patterns = [
  "a|b*c",
  "(?:ab)+c?",
  "[a-c\\d]{2,3}x",
  "^(a|b)$",
  "x{2}(y{1,40}|z)",
  "\\w+@\\w+\\.(com|org)",
  "[^a-y]z",
  "é[à-ü]?",
  "\\u00e9|\\x41",
  ".{0,2}\\.",
  "(a*)*b",
  "(a|b|ab)*c",
  "a{3,}",
  "(?<year>\\d{4})-\\d\\d",
  "\\p{Lu}\\p{Ll}*",
  "[\\s\\S]",
  "(^a)?b",
];
const texts = [
  "",
  "a",
  "b",
  "c",
  "bbc",
  "ababc",
  "abab",
  "a1x",
  "abcx",
  "xxz",
  "xxyyyy",
  "ab@c.org",
  "zz",
  "é",
  "éé",
  "A",
  "ab.",
  ".",
  "aaab",
  "abac",
  "aaaa",
  "2024-05",
  "Été",
  "\n",
  "😀z",
  "ab",
  "x.y.",
];

describe("compileConstraint of a regular expression", () => {
  for (const pattern of patterns) {
    it(`matches the texts that JavaScript's does: ${pattern}`, () => {
      const masks = masksOf({ regex: pattern });
      const expression = new RegExp(`^(?:${pattern})$`, "u");
      const matched = texts.filter((text) => accepts(masks, text));
      expect(matched).toEqual(texts.filter((text) => expression.test(text)));
    });
  }

  for (const pattern of ["b[0-9]", "^x", "z$", "^a|c$", "(^|-)b($|-)", "a$|^b", "(a|^b)c", "x*", "^$"]) {
    it(`matches a part in a schema as JavaScript's does: ${pattern}`, () => {
      const masks = masksOf({ jsonSchema: { type: "string", pattern } });
      const expression = new RegExp(pattern, "u");
      const words = ["", "a", "b", "ab9", "x", "xz", "zx", "ac", "c-b-a", "-b", "bc", "abc", "xbcx"];
      const matched = words.filter((text) => accepts(masks, JSON.stringify(text)));
      expect(matched).toEqual(words.filter((text) => expression.test(text)));
    });
  }
});
