import { readFileSync } from "node:fs";
import { compileConstraint, ConstraintError } from "@infernode/inference/constraint";
import { describe, expect, it } from "vitest";
import { accepts, masksOf, walk } from "../support/constraints.ts";

interface GoldenCase {
  readonly name: string;
  readonly format: object;
  readonly accepted: readonly string[];
  readonly refused: readonly string[];
}

const path = new URL("../../../../test/fixtures/golden/structural-tags.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(path, "utf8")) as { readonly cases: readonly GoldenCase[] };

const schema = { type: "object", properties: { a: { enum: [1] } }, required: ["a"] };
const text = { type: "const_string", value: "x" };

function tagOf(format: unknown): object {
  return { type: "structural_tag", format };
}

function refusal(structuralTag: unknown): ConstraintError {
  try {
    compileConstraint({ structuralTag });
  } catch (error) {
    if (error instanceof ConstraintError) return error;
    throw error;
  }
  throw new Error("expected a ConstraintError");
}

describe("a structural tag", () => {
  it.each(cases)("accepts the texts that XGrammar does: $name", ({ format, accepted, refused }) => {
    const masks = masksOf({ structuralTag: tagOf(format) });
    expect(accepted.filter((each) => !accepts(masks, each))).toEqual([]);
    expect(refused.filter((each) => accepts(masks, each))).toEqual([]);
  });

  it.each(cases)("never comes to a dead end: $name", ({ format }) => {
    const masks = masksOf({ structuralTag: tagOf(format) });
    const walks = Array.from({ length: 10 }, (_, seed) => walk(masks, { seed, maxTokens: 80 }));
    const finished = walks.filter(({ isFinished }) => isFinished);
    expect(finished.filter((each) => !accepts(masks, each.text))).toEqual([]);
  });

  it("of the older form is triggered tags with schemas", () => {
    const structures = [
      { begin: "<f=1>", schema, end: "</f>" },
      { begin: "<f=2>", schema: { type: "null" }, end: "</f>" },
    ];
    const masks = masksOf({ structuralTag: { type: "structural_tag", structures, triggers: ["<f="] } });
    const texts = [
      "",
      "ab",
      'ab<f=1>{"a": 1}</f>cd<f=2>null</f>',
      "<f",
      "<f=",
      "<f=1>null</f>",
      "<f=3>null</f>",
    ];
    expect(texts.map((each) => accepts(masks, each))).toEqual([true, true, true, true, false, false, false]);
  });

  it("lets each of two triggers begin its tags where one is within the other", () => {
    const tags = [
      { begin: "xabc", content: text, end: "." },
      { begin: "abd", content: text, end: "." },
    ];
    const masks = masksOf({
      structuralTag: tagOf({ type: "triggered_tags", triggers: ["xabc", "ab"], tags }),
    });
    const texts = ["abdx.", "xabdx.", "xabcx.", "xab"];
    // "xab" ends with the trigger "ab", so only "d" may follow.
    expect(texts.map((each) => accepts(masks, each))).toEqual([true, true, false, false]);
  });

  it("writes JSON without white space where that is asked for", () => {
    const format = { type: "json_schema", json_schema: schema };
    const spaced = '{"a": 1}';
    expect(accepts(masksOf({ structuralTag: tagOf(format) }), spaced)).toBe(true);
    expect(accepts(masksOf({ structuralTag: tagOf(format), whitespace: "compact" }), spaced)).toBe(false);
    const none = masksOf({ structuralTag: tagOf({ ...format, max_whitespace_cnt: 0 }) });
    expect(accepts(none, spaced)).toBe(false);
  });

  const triggered = {
    type: "triggered_tags",
    triggers: ["<a>"],
    tags: [{ begin: "<a>", content: text, end: "." }],
  };
  const refused: readonly (readonly [string, unknown, object])[] = [
    ["no object", 1, { part: "structural_tag" }],
    ["another type", { type: "tag" }, { part: "structural_tag", path: "type" }],
    ["no format", { type: "structural_tag" }, { part: "format" }],
    ["a format that is not known", tagOf({ type: "token", token: "<a>" }), { part: "format", path: "type" }],
    ["a field that is not known", tagOf({ ...text, more: 1 }), { part: "format", path: "more" }],
    [
      "a value of another type",
      tagOf({ type: "sequence", elements: [text, { type: "const_string", value: 1 }] }),
      { part: "format.elements[1]", path: "value" },
    ],
    [
      "a keyword of a schema",
      tagOf({
        type: "tag",
        begin: "",
        content: { type: "json_schema", json_schema: { type: "text" } },
        end: "",
      }),
      { part: "format.content", path: "#", keyword: "type" },
    ],
    [
      "a pattern",
      tagOf({ type: "optional", content: { type: "regex", pattern: "(" } }),
      { part: "format.content" },
    ],
    ["a style", tagOf({ type: "json_schema", json_schema: {}, style: "qwen_xml" }), { path: "style" }],
    ["any order", tagOf({ type: "json_schema", json_schema: {}, any_order: true }), { path: "any_order" }],
    ["a count of tokens", tagOf({ type: "any_text", max_tokens: 3 }), { path: "max_tokens" }],
    ["a trigger without a tag", tagOf({ ...triggered, triggers: ["<a>", "<b>"] }), { path: "triggers" }],
    ["a tag without a trigger", tagOf({ ...triggered, triggers: ["<b>"] }), { path: "triggers" }],
    ["a tag with two triggers", tagOf({ ...triggered, triggers: ["<a>", "<"] }), { path: "triggers" }],
    [
      "a structure without a schema",
      { type: "structural_tag", structures: [{ begin: "a", end: "b" }], triggers: ["a"] },
      { part: "structures[0]", path: "schema" },
    ],
    [
      "what nothing matches",
      tagOf({ type: "or", elements: [text, { type: "json_schema", json_schema: false }] }),
      { part: "format.elements[1]" },
    ],
  ];
  it.each(refused)("says where it is refused: %s", (_, tag, where) => {
    expect(refusal(tag)).toMatchObject(where);
  });

  it("ends in time where it is hostile", () => {
    const deep = { value: text as object };
    for (let level = 0; level < 10_000; level += 1) deep.value = { type: "optional", content: deep.value };
    expect(refusal(tagOf(deep.value)).code).toBe("CONSTRAINT_TOO_LARGE");
    const long = "ab".repeat(2000);
    expect(refusal(tagOf({ type: "any_text", excludes: [long] })).code).toBe("CONSTRAINT_TOO_LARGE");
    const wide = Array.from({ length: 30_000 }, () => ({ type: "json_schema", json_schema: schema }));
    expect(refusal(tagOf({ type: "sequence", elements: wide })).code).toBe("CONSTRAINT_TOO_LARGE");
  });
});
