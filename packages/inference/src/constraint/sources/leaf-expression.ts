import { automatonExpression } from "../automaton/automaton-expression.ts";
import { textsUnlike } from "../automaton/texts-unlike.ts";
import { watchTexts } from "../automaton/watch-texts.ts";
import { encodeCodePoints } from "../characters/utf8.ts";
import type { LeafSource } from "./constraint-source.ts";
import { compileGrammar } from "../grammar/compile-grammar.ts";
import { compileJsonSchema } from "../json-schema/compile-json-schema.ts";
import { type Expression, literal } from "../program/expression.ts";
import type { ProgramBuilder } from "../program/program-builder.ts";
import { PatternEncoder } from "../regex/pattern-expression.ts";
import { readPattern } from "../regex/read-pattern.ts";
import { refuse, textOf, textsOf } from "./source-fields.ts";
import { markedTokenBytes } from "../tokens/marked-token-bytes.ts";

/** Characters of the texts that another text is without. */
export const maxWithout = 1024;
const kinds =
  "jsonSchema, jsonObject, regex, grammar, choice, literal, token, textWithout, textUnlike, dispatch, structuralTag, sequence, anyOf, repeat or part";

/** Writes a source without others in it as an expression. @throws ConstraintError */
export function leafExpression(source: LeafSource, builder: ProgramBuilder): Expression {
  const { budget } = builder;
  if ("jsonSchema" in source || "jsonObject" in source) {
    budget.path = "#";
    const schema = "jsonSchema" in source ? source.jsonSchema : { type: "object" };
    return { kind: "call", rule: compileJsonSchema(schema, builder, source) };
  }
  const [name = "source"] = Object.keys(source);
  budget.path = name;
  if ("regex" in source) {
    const pattern = readPattern(textOf(source.regex, name), { path: name, scope: "whole" }, budget);
    return new PatternEncoder(encodeCodePoints).pattern(pattern);
  }
  if ("grammar" in source) {
    return { kind: "call", rule: compileGrammar(textOf(source.grammar, name), builder) };
  }
  if ("literal" in source) {
    const text = textOf(source.literal, name);
    budget.check("sourceLength", text.length);
    return literal(text);
  }
  if ("token" in source) return { kind: "literals", texts: [markedTokenBytes(textOf(source.token, name))] };
  if ("textWithout" in source) {
    return watchTexts({ refused: textsOf(source.textWithout, name, maxWithout) }, budget);
  }
  if ("textUnlike" in source) {
    const pattern = readPattern(textOf(source.textUnlike, name), { path: name, scope: "whole" }, budget);
    return automatonExpression(textsUnlike(pattern, budget), encodeCodePoints);
  }
  if (!("choice" in source)) return refuse("source", kinds, Object.keys(source).join(", "));
  const encoder = new TextEncoder();
  const choices = textsOf(source.choice, name, budget.limits.sourceLength);
  return { kind: "literals", texts: choices.map((text) => encoder.encode(text)) };
}
