import { choice, emptyExpression, type Expression, literal, sequence } from "../program/expression.ts";
import type { ProgramBuilder } from "../program/program-builder.ts";
import { assertJson } from "./schema/json-value.ts";
import { SchemaDocument } from "./schema/schema-document.ts";
import { resolveNotation } from "./write/resolve-notation.ts";
import { SchemaShapes } from "./shapes/schema-shapes.ts";
import type { ValueNotation } from "./write/value-notation.ts";
import { ValueWriter } from "./write/value-writer.ts";

/**
 * Whitespace of JSON text: none, or at each place where pretty-printed JSON has some, nothing, one space, or a line
 * break with up to 64 spaces and tabs.
 */
export type JsonWhitespace = "compact" | "flexible";

const maxIndent = 64;

/** How values are written. */
export interface JsonSchemaOptions {
  /** [flexible] */
  readonly whitespace?: JsonWhitespace | undefined;
  /** [JSON] */
  readonly notation?: ValueNotation | undefined;
}

/** Adds the rules for values that match a schema, that of the value first; returns its number. */
export function compileJsonSchema(
  schema: unknown,
  builder: ProgramBuilder,
  { whitespace = "flexible", notation }: JsonSchemaOptions = {},
): number {
  const { budget } = builder;
  assertJson(schema, budget);
  const document = new SchemaDocument(schema, budget);
  const rule = builder.declareRule();
  const space = spaceExpression(builder, whitespace);
  const writings = resolveNotation(notation, space, builder);
  const writer = new ValueWriter(new SchemaShapes(document), builder, { ...writings, space });
  writer.define(rule, document.conjunctionOf(schema, "#"));
  budget.path = "#";
  return rule;
}

function spaceExpression(builder: ProgramBuilder, whitespace: JsonWhitespace): Expression {
  if (whitespace === "compact") return emptyExpression;
  const indent: Expression = {
    kind: "repeat",
    body: {
      kind: "bytes",
      ranges: [
        [0x20, 0x20],
        [0x09, 0x09],
      ],
    },
    min: 0,
    max: maxIndent,
  };
  const rule = builder.addRule(choice(emptyExpression, literal(" "), sequence(literal("\n"), indent)));
  return { kind: "call", rule };
}
