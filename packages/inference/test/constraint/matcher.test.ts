import {
  compileConstraint,
  type ConstraintSource,
  createMatcher,
  createTokenMasks,
  createTokenTrie,
  warmUpConstraints,
} from "@infernode/inference/constraint";
import { describe, expect, it } from "vitest";
import {
  accepts,
  allowedTokens,
  endToken,
  masksOf,
  maskWords,
  vocabulary,
  walk,
} from "../support/constraints.ts";

const sources: readonly (readonly [string, ConstraintSource])[] = [
  ["any object", { jsonObject: true }],
  ["a counted string", { jsonSchema: { type: "string", minLength: 2, maxLength: 9 } }],
  [
    "few properties",
    {
      jsonSchema: {
        type: "object",
        additionalProperties: { type: "integer" },
        minProperties: 2,
        maxProperties: 4,
      },
    },
  ],
  [
    "counted items",
    { jsonSchema: { type: "array", items: { type: "string", maxLength: 3 }, minItems: 1, maxItems: 20 } },
  ],
  ["a pattern with lengths", { jsonSchema: { type: "string", pattern: "^[a-c]+(é|12)$", maxLength: 12 } }],
  ["counted repetitions", { regex: "(abc|hello|[0-9]{1,30}){2,40}(x|é)?" }],
  ["few texts", { choice: ["hello", "help", "12", "true", "truely"] }],
];

describe("createMatcher", () => {
  for (const [name, source] of sources) {
    it(`allows exactly the tokens that it accepts: ${name}`, () => {
      const masks = masksOf(source);
      for (let seed = 1; seed <= 4; seed += 1) {
        const { text } = walk(masks, {
          seed,
          maxTokens: 40,
          check: (matcher) => {
            const accepted = vocabulary.flatMap((_, token) => (matcher.clone().accept(token) ? [token] : []));
            expect(allowedTokens(matcher)).toEqual(accepted);
          },
        });
        expect(text.length).toBeGreaterThan(0);
      }
    });
  }

  it("never allows a key that its object has already, in one token or byte by byte", () => {
    const masks = masksOf({ jsonObject: true });
    const matcher = createMatcher(masks, [endToken]);
    for (const byte of Buffer.from('{"a":1,')) expect(matcher.accept(1 + byte)).toBe(true);
    const token = vocabulary.findIndex((bytes) => Buffer.from(bytes ?? []).toString() === '"a":');
    expect(allowedTokens(matcher)).not.toContain(token);
    expect(accepts(masks, '{"a":1,"b":{"a":2},"aa":3}')).toBe(true);
    expect(accepts(masks, '{"a":1,"b":2,"a":3}')).toBe(false);
    expect(accepts(masks, '{"a":1,"\\u0061":3}')).toBe(false);
    const twice = vocabulary.findIndex((bytes) => Buffer.from(bytes ?? []).toString() === '"b":1,"a":');
    expect(allowedTokens(matcher)).not.toContain(twice);
  });

  it("takes tokens back, also the end", () => {
    const matcher = createMatcher(masksOf({ regex: "a{2,5}b" }), [endToken]);
    const [a, b] = [1 + 0x61, 1 + 0x62];
    for (const token of [a, a, b, endToken]) expect(matcher.accept(token)).toBe(true);
    expect([matcher.isFinished, matcher.isComplete, matcher.length]).toEqual([true, true, 4]);
    expect(allowedTokens(matcher)).toEqual([]);
    matcher.rollback(1);
    expect([matcher.isFinished, allowedTokens(matcher)]).toEqual([false, [endToken]]);
    matcher.rollback(1);
    expect(allowedTokens(matcher)).toEqual([a, b]);
    expect(matcher.accept(endToken)).toBe(false);
    expect(matcher.length).toBe(2);
    expect(() => matcher.rollback(3)).toThrow(RangeError);
  });

  it("gives the same masks with a tree that others have used", () => {
    const fresh = createTokenTrie(vocabulary);
    const used = createTokenTrie(vocabulary);
    warmUpConstraints(used);
    for (const [, source] of sources) createMatcher(createTokenMasks(compileConstraint(source), used), []);
    const program = compileConstraint({
      jsonSchema: { type: "array", items: { type: ["string", "number"], maxLength: 9 } },
    });
    const matchers = [fresh, used].map((trie) => createMatcher(createTokenMasks(program, trie), [endToken]));
    for (const byte of Buffer.from('["a\u00e9b",1.5e3,"')) {
      const [left, right] = matchers.map(allowedTokens);
      expect(left).toEqual(right);
      expect(matchers.map((matcher) => matcher.accept(1 + byte))).toEqual([true, true]);
    }
  });

  it("copies share nothing", () => {
    const matcher = createMatcher(masksOf({ regex: "ab|ac" }), [endToken]);
    matcher.accept(1 + 0x61);
    const copy = matcher.clone();
    copy.accept(1 + 0x62);
    expect([matcher.length, copy.length, matcher.isComplete, copy.isComplete]).toEqual([1, 2, false, true]);
  });

  it("says what must follow", () => {
    const source = {
      jsonSchema: {
        type: "object",
        properties: { hello: { const: "abc" } },
        required: ["hello"],
        additionalProperties: false,
      },
    } as const;
    const matcher = createMatcher(masksOf({ ...source, whitespace: "compact" }), [endToken]);
    const text = '{"hello":"abc"}';
    expect(Buffer.from(matcher.forcedBytes()).toString()).toBe(text);
    const tokens = matcher.forcedTokens();
    const forced = Buffer.concat(tokens.map((token) => vocabulary[token]!)).toString();
    expect(tokens.length).toBeGreaterThan(2);
    expect(text.startsWith(forced)).toBe(true);
    for (const token of tokens) expect(matcher.accept(token)).toBe(true);
  });

  it("forgets configurations without changing what is allowed", () => {
    const masks = masksOf({
      jsonSchema: { type: "array", items: { type: "string", maxLength: 100 }, maxItems: 900 },
    });
    const matcher = createMatcher(masks, [endToken]);
    const text = `["${Array.from({ length: 600 }, (_, index) => String(index).repeat(20)).join('","')}`;
    expect([...Buffer.from(text)].every((byte) => matcher.accept(1 + byte))).toBe(true);
    expect(masks.machine.generation).toBeGreaterThan(0);
    const accepted = vocabulary.flatMap((_, token) => (matcher.clone().accept(token) ? [token] : []));
    expect(allowedTokens(matcher)).toEqual(accepted);
    matcher.rollback(text.length - 2);
    expect(matcher.accept(1 + 0x22)).toBe(true);
  });

  it("fills masks of any former content", () => {
    const matcher = createMatcher(masksOf({ choice: ["hello"] }), [endToken]);
    const mask = new Uint32Array(maskWords).fill(0xffffffff);
    matcher.fillMask(mask);
    const set = vocabulary.flatMap((_, token) => ((mask[token >>> 5]! >>> (token & 31)) & 1 ? [token] : []));
    expect(set.map((token) => Buffer.from(vocabulary[token]!).toString())).toEqual(["h", "hello"]);
  });
});
