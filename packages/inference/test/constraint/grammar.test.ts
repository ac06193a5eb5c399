import { compileConstraint } from "@infernode/inference/constraint";
import { describe, expect, it } from "vitest";
import { accepts, masksOf, walk } from "../support/constraints.ts";

const arithmetic = String.raw`
# Sums of products.
root  ::= sum ("=" number)?
sum   ::= product ([-+] product)*
product ::= value (
    "*" value
  | "/" value
)*
value ::= number | "(" ws sum ws ")"
number ::= [0-9]{1,12} | "\x78" | "\u00e9"
ws ::= [ \t\n]*
`;

describe("compileConstraint of a grammar", () => {
  it("takes what the rules derive and nothing else", () => {
    const masks = masksOf({ grammar: arithmetic });
    const right = ["1", "12+3*x", "(1+2)*(é-4)=7", "( 1\n)", "((1))/2"];
    const wrong = ["", "1+", "(1", "1)", "1234567890123", "()", "1=", "y"];
    expect(right.filter((text) => !accepts(masks, text))).toEqual([]);
    expect(wrong.filter((text) => accepts(masks, text))).toEqual([]);
  });

  it("writes texts that it takes itself", () => {
    const masks = masksOf({ grammar: arithmetic });
    const walks = Array.from({ length: 20 }, (_, seed) => walk(masks, { seed, maxTokens: 400 }));
    const texts = walks.filter((walk) => walk.isFinished).map((walk) => walk.text);
    expect(texts.length).toBeGreaterThan(5);
    expect(texts.filter((text) => !accepts(masks, text))).toEqual([]);
  });

  const forms: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['root ::= "a" | b\nb ::= "b"+', ["a", "b", "bbb"], ["", "ab"]],
    ['root ::= ("a" "b"?){2,3}', ["aa", "abab", "aaba"], ["a", "aaaa"]],
    ['root ::= [^"\\\\]* "\\"" ', ['x"', '"'], ["x", '""']],
    ["root ::= .{2}", ["ab", "é😀", "\n\n"], ["a", "abc"]],
    ['root ::= "" | item{3}\nitem ::= "x" | "y" root', ["", "xxx", "yxx", "yxxxxx"], ["xx", "y"]],
    ['root ::= "[" (root ("," root)*)? "]"', ["[]", "[[],[[]]]"], ["[", "[,]"]],
  ];
  for (const [grammar, right, wrong] of forms) {
    it(`reads ${JSON.stringify(grammar)}`, () => {
      const masks = masksOf({ grammar });
      expect([...right, ...wrong].filter((text) => accepts(masks, text))).toEqual(right);
    });
  }

  const faults: readonly (readonly [string, object])[] = [
    ["", { code: "INVALID_CONSTRAINT", got: "root, which is not" }],
    ['root ::= "a', { code: "INVALID_CONSTRAINT", position: 11 }],
    ["root ::= other", { code: "INVALID_CONSTRAINT", position: 9 }],
    ['root ::= "a"\nroot ::= "b"', { code: "INVALID_CONSTRAINT", position: 13 }],
    ['root ::= ("a"', { code: "INVALID_CONSTRAINT", expected: "a closing )" }],
    ['root "a"', { code: "INVALID_CONSTRAINT", position: 0 }],
    ['root ::= root "a" | "b"', { code: "UNSUPPORTED_CONSTRAINT", got: "a left-recursive rule" }],
    [
      'root ::= a root "x" | "y"\na ::= "z"?',
      { code: "UNSUPPORTED_CONSTRAINT", got: "a left-recursive rule" },
    ],
    ['root ::= (=a) "a"', { code: "UNSUPPORTED_CONSTRAINT", got: "lookahead" }],
    ['root ::= "a" root', { code: "INVALID_CONSTRAINT", got: "one that nothing matches" }],
    ['root ::= "a"{3,2}', { code: "INVALID_CONSTRAINT" }],
    [`root ::= ${"(".repeat(5000)}"a"${")".repeat(5000)}`, { code: "CONSTRAINT_TOO_LARGE" }],
    [
      'root ::= a{1000000000}\na ::= "b"?',
      { code: "UNSUPPORTED_CONSTRAINT", got: "a counted repetition of the empty text" },
    ],
  ];
  for (const [grammar, fields] of faults) {
    it(`refuses ${JSON.stringify(grammar.slice(0, 40))}`, () => {
      expect(() => compileConstraint({ grammar })).toThrow(expect.objectContaining(fields));
    });
  }
});
