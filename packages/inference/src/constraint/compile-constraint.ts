import { encodeCodePoints } from "./characters/utf8.ts";
import { compileGrammar } from "./grammar/compile-grammar.ts";
import { compileJsonSchema, type JsonWhitespace } from "./json-schema/compile-json-schema.ts";
import { Budget } from "./program/budget.ts";
import { assembleProgram } from "./program/assemble-program.ts";
import { ConstraintError } from "./program/constraint-error.ts";
import type { Expression } from "./program/expression.ts";
import { type ConstraintLimits, resolveConstraintLimits } from "./program/limits.ts";
import type { ConstraintProgram } from "./program/program.ts";
import { ProgramBuilder } from "./program/program-builder.ts";
import { PatternEncoder } from "./regex/pattern-expression.ts";
import { readPattern } from "./regex/read-pattern.ts";

/** What a text must match; exactly one of these. */
export type ConstraintSource =
  | { readonly jsonSchema: unknown; readonly whitespace?: JsonWhitespace }
  /** Any JSON object. */
  | { readonly jsonObject: true; readonly whitespace?: JsonWhitespace }
  /** A regular expression for the whole text. */
  | { readonly regex: string }
  /** A grammar in GBNF whose start is the rule `root`. */
  | { readonly grammar: string }
  /** One of some texts. */
  | { readonly choice: readonly string[] };

/**
 * Compiles a constraint to a program that matchers run. A source that cannot be enforced as a whole is refused; the
 * work and the size are bounded by counts.
 * @throws ConstraintError `INVALID_CONSTRAINT` if the source is malformed or nothing matches it,
 *   `UNSUPPORTED_CONSTRAINT` for a keyword or construct that cannot be enforced, `CONSTRAINT_TOO_LARGE` over a limit
 */
export function compileConstraint(
  source: ConstraintSource,
  limits?: Partial<ConstraintLimits>,
): ConstraintProgram {
  const resolved = resolveConstraintLimits(limits);
  if ("jsonSchema" in source || "jsonObject" in source) {
    const builder = new ProgramBuilder(new Budget(resolved, "#"));
    const schema = "jsonSchema" in source ? source.jsonSchema : { type: "object" };
    compileJsonSchema(schema, builder, source.whitespace ?? "flexible");
    return assembleProgram(builder);
  }
  if ("regex" in source) {
    const builder = new ProgramBuilder(new Budget(resolved, "regex"));
    builder.addRule(regexExpression(source.regex, builder.budget));
    return assembleProgram(builder);
  }
  if ("grammar" in source) {
    const builder = new ProgramBuilder(new Budget(resolved, "grammar"));
    if (typeof source.grammar !== "string") return refuse("grammar", "a string", typeof source.grammar);
    compileGrammar(source.grammar, builder);
    return assembleProgram(builder);
  }
  if (!("choice" in source)) {
    return refuse(
      "source",
      "jsonSchema, jsonObject, regex, grammar or choice",
      Object.keys(source).join(", "),
    );
  }
  const builder = new ProgramBuilder(new Budget(resolved, "choice"));
  builder.addRule(choiceExpression(source.choice, builder.budget));
  return assembleProgram(builder);
}

function regexExpression(text: unknown, budget: Budget): Expression {
  if (typeof text !== "string") return refuse("regex", "a string", typeof text);
  return new PatternEncoder(encodeCodePoints).pattern(
    readPattern(text, { path: "regex", scope: "whole" }, budget),
  );
}

function choiceExpression(texts: unknown, budget: Budget): Expression {
  if (!Array.isArray(texts) || texts.length === 0) {
    return refuse("choice", "an array with texts", typeof texts);
  }
  const encoder = new TextEncoder();
  let length = 0;
  const encoded = texts.map((text: unknown, index): Uint8Array => {
    if (typeof text !== "string" || text === "") {
      return refuse(`choice[${index}]`, "a text that is not empty", typeof text);
    }
    length += text.length;
    budget.check("sourceLength", length);
    return encoder.encode(text);
  });
  return { kind: "literals", texts: encoded };
}

function refuse(path: string, expected: string, got: string): never {
  throw new ConstraintError("INVALID_CONSTRAINT", { path, expected, got });
}
