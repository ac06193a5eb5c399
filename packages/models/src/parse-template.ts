import { jinja } from "./jinja-library.ts";
import type { JinjaNode, JinjaToken } from "./jinja-library.ts";

/** A filter of this name runs the test whose name follows. */
const TEST_FILTER = "is ";
const NEGATED_TEST_FILTER = "is not ";

/**
 * Parses a template as `transformers` has Jinja do it: blocks trimmed, every kind of line break as `\n`.
 * The library's parser knows no arguments of tests; they are rewritten to filters, which bind alike.
 */
export function parseTemplate(source: string): JinjaNode {
  const text = source.replaceAll(/\r\n?/g, "\n");
  const tokens = jinja.tokenize(text, { lstrip_blocks: true, trim_blocks: true });
  assertSingleComparisons(tokens);
  return jinja.parse(withTestFilters(tokens));
}

/** Whether a filter's name means a test, and which. */
export function testOfFilter(
  name: string,
): { readonly test: string; readonly isNegated: boolean } | undefined {
  if (!name.startsWith(TEST_FILTER)) {
    return undefined;
  }
  const isNegated = name.startsWith(NEGATED_TEST_FILTER);
  return { test: name.slice((isNegated ? NEGATED_TEST_FILTER : TEST_FILTER).length), isNegated };
}

const OPENS = /^Open/;
const CLOSES = /^Close/;
const OPEN: JinjaToken = { type: "OpenParen", value: "(" };
const CLOSE: JinjaToken = { type: "CloseParen", value: ")" };
/** What a test's argument may start with. */
const STARTS = /^(?:Identifier|StringLiteral|NumericLiteral|Open(?:Paren|SquareBracket|CurlyBracket))$/;
/** Words that are no values. */
const WORDS: ReadonlySet<string> = new Set(["and", "or", "not", "in", "is", "if", "else"]);
/** What ends a comparison within its brackets. */
const ENDS: ReadonlySet<string> = new Set(["and", "or", "if", "elif", "else", ",", ":", "="]);

/** The library takes `a < b < c` for `(a < b) < c`, and Jinja for `a < b and b < c`: neither is meant here. */
function assertSingleComparisons(tokens: readonly JinjaToken[]): void {
  const enclosing: boolean[] = [];
  let hasComparison = false;
  for (const [at, { type, value }] of tokens.entries()) {
    if (OPENS.test(type)) {
      enclosing.push(hasComparison);
      hasComparison = false;
    } else if (CLOSES.test(type)) {
      hasComparison = enclosing.pop() ?? false;
    } else if (type === "ComparisonBinaryOperator" || isMembership(tokens, at)) {
      if (hasComparison) {
        throw new SyntaxError(`wanted one comparison at a time, found another before "${value}"`);
      }
      hasComparison = true;
    } else if (type !== "StringLiteral" && ENDS.has(value)) {
      hasComparison = false;
    }
  }
}

/** An `in` that compares, not the test of that name. */
function isMembership(tokens: readonly JinjaToken[], at: number): boolean {
  const before = tokens[at - 1]?.value === "not" ? tokens[at - 2] : tokens[at - 1];
  return tokens[at]?.type === "Identifier" && tokens[at].value === "in" && before?.value !== "is";
}

/** `x is divisibleby(2)`, `x is divisibleby 2` → `x | "is divisibleby"(2)`. */
function withTestFilters(tokens: readonly JinjaToken[]): JinjaToken[] {
  const result: JinjaToken[] = [];
  let at = 0;
  for (let token = tokens[at]; token !== undefined; token = tokens[at]) {
    const isTest = token.type === "Identifier" && token.value === "is" && tokens[at - 1]?.type !== "Dot";
    const isNegated = tokens[at + 1]?.value === "not";
    const nameAt = isNegated ? at + 2 : at + 1;
    const end = isTest ? primaryEnd(tokens, nameAt + 1) : 0;
    if (end <= nameAt + 1) {
      result.push(token);
      at += 1;
      continue;
    }
    const value = (isNegated ? NEGATED_TEST_FILTER : TEST_FILTER) + (tokens[nameAt]?.value ?? "");
    const argument = withTestFilters(tokens.slice(nameAt + 1, end));
    const isBracketed = argument[0]?.type === "OpenParen";
    result.push({ type: "Pipe", value: "|" }, { type: "Identifier", value });
    result.push(...(isBracketed ? argument : [OPEN, ...argument, CLOSE]));
    at = end;
  }
  return result;
}

/** Where the value that starts at a place ends, with its members; the place itself where none starts. */
function primaryEnd(tokens: readonly JinjaToken[], start: number): number {
  const first = tokens[start];
  if (
    first === undefined ||
    !STARTS.test(first.type) ||
    (first.type === "Identifier" && WORDS.has(first.value))
  ) {
    return start;
  }
  let at = OPENS.test(first.type) ? bracketEnd(tokens, start) : start + 1;
  while (tokens[at]?.type === "Dot" || /^Open(?:Square|Paren)/.test(tokens[at]?.type ?? "")) {
    at = tokens[at]?.type === "Dot" ? at + 2 : bracketEnd(tokens, at);
  }
  return at;
}

function bracketEnd(tokens: readonly JinjaToken[], start: number): number {
  let depth = 0;
  for (let at = start; at < tokens.length; at += 1) {
    const type = tokens[at]?.type ?? "";
    depth += OPENS.test(type) ? 1 : CLOSES.test(type) ? -1 : 0;
    if (depth === 0) {
      return at + 1;
    }
  }
  return tokens.length;
}
