import {
  compileConstraint,
  ConstraintError,
  type ConstraintSource,
  type ObjectNotation,
  type ValueNotation,
} from "@infernode/inference/constraint";
import { describe, expect, it } from "vitest";
import { accepts, masksOf, walk } from "../support/constraints.ts";

const mark = (literal: string): ObjectNotation["open"] => (literal === "" ? [] : [{ literal }]);

const call: ObjectNotation = {
  open: mark("("),
  close: mark(")"),
  separator: mark(", "),
  beforeName: [],
  afterName: mark("="),
  afterValue: [],
  bareNames: "[A-Za-z_]\\w*",
  otherNames: "refused",
};
const python: ValueNotation = { words: { null: "None", true: "True", false: "False" }, root: call };
const tags: ValueNotation = {
  without: ["</p>"],
  root: {
    ...call,
    open: [],
    close: mark("</f>"),
    separator: [],
    beforeName: mark("<p="),
    afterName: mark(">"),
    afterValue: mark("</p>"),
    texts: ["text", "short"],
  },
};
const quotes: ValueNotation = {
  quote: { literal: "'''" },
  objects: {
    ...call,
    open: mark("{"),
    close: mark("}"),
    separator: mark(","),
    afterName: mark(":"),
    otherNames: "quoted",
  },
};

function sourceOf(notation: ValueNotation, schema: object): ConstraintSource {
  return { jsonSchema: { type: "object", ...schema }, notation, whitespace: "compact" };
}

const properties = {
  text: { type: ["string", "null"] },
  short: { type: "string", minLength: 1, maxLength: 3 },
  flag: { enum: [true, null, "a</p>", { "a b": [false, "</p>"] }] },
  self: { $ref: "#" },
};

interface NotationCase {
  readonly name: string;
  readonly source: ConstraintSource;
  readonly allowed: readonly string[];
  readonly refused: readonly string[];
}

const closed = { properties, additionalProperties: false };
const cases: readonly NotationCase[] = [
  {
    name: "a call of Python",
    source: sourceOf(python, closed),
    allowed: [
      "()",
      '(text="a\\nb", flag=True)',
      '(text=None, self={"flag":None})',
      '(flag={"a b":[False,"</p>"]})',
    ],
    refused: [
      "(flag=true)",
      "(text=null)",
      '(text="\\/")',
      "(text=None,flag=True)",
      "(self=(flag=None))",
      "{}",
    ],
  },
  {
    name: "tags",
    source: sourceOf(tags, closed),
    allowed: [
      "</f>",
      "<p=text>null</p></f>",
      '<p=text>a </p <\n"</p><p=short>\n\n</p></f>',
      '<p=flag>"a\\u003c/p>"</p><p=self>{"text":null}</p></f>',
    ],
    refused: [
      "<p=short></p></f>",
      "<p=short>abcd</p></f>",
      '<p=flag>"a</p>"</p></f>',
      '<p=self>{"text":"</p>"}</p></f>',
    ],
  },
  {
    name: "texts between marks",
    source: sourceOf(quotes, closed),
    allowed: [
      "{}",
      "{text:'''a\n\"b''c''',short:'''abc'''}",
      "{flag:{'''a b''':[false,'''</p>''']}}",
      "{self:{text:null}}",
    ],
    refused: ["{text:'''a''''''}", '{text:"a"}', "{short:''''''}", "{flag:{a b:[false,'''</p>''']}}"],
  },
  {
    name: "names that are not declared",
    source: sourceOf(tags, { additionalProperties: { type: "string" }, minProperties: 1 }),
    allowed: ['<p=a>"x"</p></f>', '<p=a>"x"</p><p=b>"x"</p></f>'],
    refused: ["</f>", '<p=a>"x"</p><p=a>"x"</p></f>', '<p=a b>"x"</p></f>', "<p=a>x</p></f>"],
  },
];

const unwritable = [
  { name: "a name", notation: python, schema: { "a b": {} }, path: "#", got: '"a b"' },
  {
    name: "a text",
    notation: tags,
    schema: { text: { type: "string", enum: ["</p>"] } },
    path: "#/properties/text",
    got: '"</p>"',
  },
  {
    name: "no text",
    notation: tags,
    schema: { text: { type: "null" } },
    path: "#/properties/text",
    got: "null alone",
  },
];

describe("values in another notation than JSON", () => {
  it.each(cases)("$name", ({ source, allowed, refused }) => {
    const masks = masksOf(source);
    expect(allowed.map((text) => [text, accepts(masks, text)])).toEqual(allowed.map((text) => [text, true]));
    expect(refused.map((text) => [text, accepts(masks, text)])).toEqual(refused.map((text) => [text, false]));
    for (let seed = 0; seed < 10; seed += 1) walk(masks, { seed, maxTokens: 100 });
  });

  it.each(unwritable)("refuses what cannot be written: $name", ({ notation, schema, path, got }) => {
    let error: unknown;
    try {
      compileConstraint(sourceOf(notation, { properties: schema }));
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(ConstraintError);
    expect(error).toMatchObject({ code: "UNSUPPORTED_CONSTRAINT", path, got });
  });
});
