import { textWithout } from "./automaton/text-without.ts";
import { encodeCodePoints } from "./characters/utf8.ts";
import type { ConstraintSource, LeafSource } from "./constraint-source.ts";
import { compileGrammar } from "./grammar/compile-grammar.ts";
import { compileJsonSchema } from "./json-schema/compile-json-schema.ts";
import { ConstraintError } from "./program/constraint-error.ts";
import { choice, type Expression, literal, sequence } from "./program/expression.ts";
import type { ProgramBuilder } from "./program/program-builder.ts";
import { PatternEncoder } from "./regex/pattern-expression.ts";
import { readPattern } from "./regex/read-pattern.ts";
import { markedTokenBytes } from "./tokens/marked-token-bytes.ts";

/** Repetitions that a source may ask for. */
const maxRepetitions = 10_000;
/** Characters of the texts that another text is without. */
const maxWithout = 1024;
const kinds =
  "jsonSchema, jsonObject, regex, grammar, choice, literal, token, textWithout, sequence, anyOf, repeat or part";
const encoder = new TextEncoder();

/** Where a source is within others. */
interface SourcePlace {
  /** Of a part without a name, its place: `sequence[1].anyOf[0]`; `undefined`: the source is the whole one. */
  readonly part: string | undefined;
  readonly isNamed: boolean;
  readonly depth: number;
}

const whole: SourcePlace = { part: undefined, isNamed: false, depth: 0 };

function placeWithin({ part, isNamed, depth }: SourcePlace, step: string): SourcePlace {
  if (isNamed) return { part, isNamed, depth: depth + 1 };
  return { part: part === undefined ? step : `${part}.${step}`, isNamed, depth: depth + 1 };
}

/** Writes a source as an expression; adds the rules that it needs. @throws ConstraintError with the part that it is about */
export function sourceExpression(
  source: ConstraintSource,
  builder: ProgramBuilder,
  place: SourcePlace = whole,
): Expression {
  const { budget } = builder;
  budget.spend(1);
  budget.check("depth", place.depth);
  if ("sequence" in source) {
    const parts = listOf(source.sequence, "sequence");
    return sequence(
      ...parts.map((part, at) => sourceExpression(part, builder, placeWithin(place, `sequence[${at}]`))),
    );
  }
  if ("anyOf" in source) {
    const options = listOf(source.anyOf, "anyOf");
    return choice(
      ...options.map((option, at) => sourceExpression(option, builder, placeWithin(place, `anyOf[${at}]`))),
    );
  }
  if ("repeat" in source) {
    const { min, max } = assertCounts(source);
    return {
      kind: "repeat",
      body: sourceExpression(source.repeat, builder, placeWithin(place, "repeat")),
      min,
      max,
    };
  }
  if ("part" in source) {
    const part = textOf(source.name, "name");
    return sourceExpression(source.part, builder, { part, isNamed: true, depth: place.depth + 1 });
  }
  return partExpression(source, builder, place.part);
}

/** A part that could turn out to match nothing gets a rule of its own, which is checked for it. */
function partExpression(source: LeafSource, builder: ProgramBuilder, part: string | undefined): Expression {
  const { budget } = builder;
  try {
    const expression = leafExpression(source, builder);
    if (part === undefined || "literal" in source || "token" in source) return expression;
    const rule = expression.kind === "call" ? expression.rule : builder.addRule(expression);
    builder.parts.push({ rule, part, path: budget.path });
    return { kind: "call", rule };
  } catch (error) {
    throw part !== undefined && error instanceof ConstraintError ? error.within(part) : error;
  }
}

function leafExpression(source: LeafSource, builder: ProgramBuilder): Expression {
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
  if ("textWithout" in source) return textWithout(encodeTexts(source.textWithout, name, maxWithout), budget);
  if (!("choice" in source)) return refuse("source", kinds, Object.keys(source).join(", "));
  return { kind: "literals", texts: encodeTexts(source.choice, name, budget.limits.sourceLength) };
}

function assertCounts({ min, max }: { readonly min: number; readonly max: number }): {
  readonly min: number;
  readonly max: number;
} {
  const isCount = (count: unknown): boolean =>
    Number.isInteger(count) && (count as number) >= 0 && (count as number) <= maxRepetitions;
  if (isCount(min) && isCount(max) && max >= Math.max(1, min)) return { min, max };
  const expected = `a maximum from 1 to ${maxRepetitions} and a minimum that is not above it`;
  return refuse("repeat", expected, `${min} and ${max}`);
}

function encodeTexts(texts: unknown, name: string, maxLength: number): readonly Uint8Array[] {
  let length = 0;
  return listOf(texts, name).map((text, index) => {
    if (typeof text !== "string" || text === "") {
      return refuse(`${name}[${index}]`, "a text that is not empty", typeof text);
    }
    length += text.length;
    if (length > maxLength) {
      const fault = { path: name, expected: `at most ${maxLength} characters`, got: `${length} or more` };
      throw new ConstraintError("CONSTRAINT_TOO_LARGE", fault);
    }
    return encoder.encode(text);
  });
}

function listOf<Item>(list: readonly Item[], path: string): readonly Item[];
function listOf(list: unknown, path: string): readonly unknown[];
function listOf(list: unknown, path: string): readonly unknown[] {
  if (Array.isArray(list) && list.length > 0) return list as readonly unknown[];
  return refuse(path, "an array that is not empty", typeof list);
}

function textOf(text: unknown, path: string): string {
  return typeof text === "string" ? text : refuse(path, "a string", typeof text);
}

function refuse(path: string, expected: string, got: string): never {
  throw new ConstraintError("INVALID_CONSTRAINT", { path, expected, got });
}
