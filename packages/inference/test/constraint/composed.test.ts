import { createRandom } from "../../../../benchmarks/lib/random.ts";
import {
  compileConstraint,
  ConstraintError,
  type ConstraintSource,
  createMatcher,
  createTokenMasks,
  createTokenTrie,
  markedTokenBytes,
} from "@infernode/inference/constraint";
import { describe, expect, it } from "vitest";
import { accepts, masksOf, walk } from "../support/constraints.ts";

const integer = { type: "integer", minimum: 0, maximum: 9 };

function refusal(source: ConstraintSource): ConstraintError {
  try {
    compileConstraint(source);
  } catch (error) {
    if (error instanceof ConstraintError) return error;
  }
  throw new Error("expected a ConstraintError");
}

describe("a source of several", () => {
  const list = masksOf({
    sequence: [
      { literal: "<é>" },
      {
        repeat: { anyOf: [{ jsonSchema: integer }, { regex: "[ab]{2}" }, { choice: ["yes", "no"] }] },
        min: 1,
        max: 3,
      },
      { literal: "" },
      { grammar: 'root ::= "." | "(" root ")"' },
    ],
  });

  it.each(["<é>7.", "<é>abyes3((.))", "<é>nonono."])("matches its parts in order: %s", (text) => {
    expect(accepts(list, text)).toBe(true);
  });

  it.each(["", "<é>.", "<é>77", "<é>1234.", "<é>10abc.", "<é>a.", "é>7.", "<é>7.."])(
    "matches nothing else: %j",
    (text) => {
      expect(accepts(list, text)).toBe(false);
    },
  );

  it("counts a part that is long", () => {
    const long = { sequence: [{ literal: "a part of some length;" }, { jsonSchema: integer }] };
    const counted = masksOf({ repeat: long, min: 2, max: 40 });
    const times = (count: number): string => "a part of some length;1".repeat(count);
    expect([1, 2, 40, 41].map((count) => accepts(counted, times(count)))).toEqual([false, true, true, false]);
  });

  it("never comes to a dead end", () => {
    const walks = Array.from({ length: 50 }, (_, seed) => walk(list, { seed, maxTokens: 200 }));
    const finished = walks.filter(({ isFinished }) => isFinished).map(({ text }) => text);
    expect(finished.length).toBeGreaterThan(0);
    expect(finished.filter((text) => !accepts(list, text))).toEqual([]);
  });
});

describe("a text without some texts", () => {
  const excluded = ["<call>", "call>>", "aab", "é"];
  const masks = masksOf({ textWithout: excluded });

  it.each(["", "<call", "<<call", "aaaa", "aac", "ab", "è", "<cal l>"])("is any other: %j", (text) => {
    expect(accepts(masks, text)).toBe(true);
  });

  it("is judged as by search, for random texts of the same letters", () => {
    const random = createRandom(1);
    const letters = "<call>abé".split("");
    for (let round = 0; round < 2000; round += 1) {
      const text = Array.from({ length: 14 }, () => letters[Math.floor(random() * letters.length)]).join("");
      expect([text, accepts(masks, text)]).toEqual([text, !excluded.some((each) => text.includes(each))]);
    }
  });
});

it("a marked token is written by itself only, and where it is asked for", () => {
  const texts = ["a", "<", "x>", "<x>"].map((text) => new TextEncoder().encode(text));
  const marked = texts.length;
  const trie = createTokenTrie([...texts, markedTokenBytes("<x>")]);
  const allowed = (source: ConstraintSource): number[] => {
    const mask = new Uint32Array(1);
    createMatcher(createTokenMasks(compileConstraint(source), trie), []).fillMask(mask);
    return Array.from({ length: marked + 1 }, (_, token) => token).filter((token) => mask[0]! & (1 << token));
  };
  expect(allowed({ token: "<x>" })).toEqual([marked]);
  expect(allowed({ literal: "<x>" })).toEqual([1, 3]);
  for (const any of [{ regex: "[^b]*" }, { textWithout: ["b"] }]) expect(allowed(any)).toEqual([0, 1, 2, 3]);
});

describe("errors", () => {
  const never = { type: "integer", minimum: 3, maximum: 2 };
  const refused: readonly (readonly [ConstraintSource, object])[] = [
    [
      { sequence: [{ literal: "a" }, { anyOf: [{ jsonSchema: { $dynamicRef: "#a" } }] }] },
      { part: "sequence[1].anyOf[0]", path: "#", keyword: "$dynamicRef", code: "UNSUPPORTED_CONSTRAINT" },
    ],
    [
      {
        repeat: { part: { sequence: [{ jsonSchema: { items: { $dynamicRef: "#a" } } }] }, name: "tool" },
        min: 1,
        max: 1,
      },
      {
        part: "tool",
        path: "#/items",
        message: expect.stringContaining("tool: #/items/$dynamicRef") as unknown,
      },
    ],
    [{ anyOf: [{ literal: "a" }, { jsonSchema: never }] }, { part: "anyOf[1]", code: "INVALID_CONSTRAINT" }],
    [
      { part: { jsonSchema: never }, name: "tool" },
      { part: "tool", path: "#" },
    ],
    [{ sequence: [{ regex: "(" }] }, { part: "sequence[0]", path: "regex", position: 1 }],
    [{ sequence: [{ grammar: "root ::= a" }] }, { part: "sequence[0]", path: "grammar" }],
    [{ sequence: [] }, { path: "sequence" }],
    [{ anyOf: [] }, { path: "anyOf" }],
    [{ repeat: { literal: "a" }, min: 2, max: 1 }, { path: "repeat" }],
    [{ repeat: { literal: "a" }, min: 0, max: 1e9 }, { path: "repeat" }],
    [{ textWithout: ["a", ""] }, { path: "textWithout[1]" }],
    [{ textWithout: ["a".repeat(2000)] }, { code: "CONSTRAINT_TOO_LARGE" }],
    [{ literal: "a".repeat(2 ** 21) }, { code: "CONSTRAINT_TOO_LARGE" }],
    [{} as ConstraintSource, { path: "source" }],
  ];
  it.each(refused.map(([source, fields]) => ({ source, fields })))("name the part: $source", (row) => {
    expect(refusal(row.source)).toMatchObject(row.fields);
  });

  it("end nesting without a bound", () => {
    let source: ConstraintSource = { literal: "a" };
    for (let depth = 0; depth < 5000; depth += 1) source = { sequence: [source] };
    expect(refusal(source).code).toBe("CONSTRAINT_TOO_LARGE");
  });
});
