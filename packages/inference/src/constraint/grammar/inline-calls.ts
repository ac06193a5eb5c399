import type { Expression } from "../program/expression.ts";

/** A rule of at most this many parts, that reads at most this many different bytes at each, is written where it is called. */
const maxParts = 32;
const maxBytes = 8;

/**
 * Writes small rules such as white space where they are called: what follows them is then part of the calling rule, and
 * its tokens are worked out once for all its callers.
 */
export function inlineCalls(
  expression: Expression,
  bodyOf: (rule: number) => Expression | undefined,
): Expression {
  const inline = (part: Expression): Expression => inlineCalls(part, bodyOf);
  switch (expression.kind) {
    case "sequence":
      return { ...expression, parts: expression.parts.map(inline) };
    case "choice":
      return { ...expression, options: expression.options.map(inline) };
    case "repeat": {
      // What is counted is copied, or refused if it may be empty: as a call it is neither.
      const { body, min, max } = expression;
      return min <= 1 && max === Infinity ? { ...expression, body: inline(body) } : expression;
    }
    case "call": {
      const body = bodyOf(expression.rule);
      return body !== undefined && countParts(body) <= maxParts ? body : expression;
    }
    case "empty":
    case "bytes":
    case "literals":
    case "graph":
      return expression;
  }
}

/** The parts of an expression; `Infinity` if one of them reads many different bytes or calls a rule. */
function countParts(expression: Expression): number {
  const sumOf = (parts: readonly Expression[]): number =>
    parts.reduce((sum, part) => sum + countParts(part), 0);
  switch (expression.kind) {
    case "empty":
      return 1;
    case "bytes": {
      const byteCount = expression.ranges.reduce((sum, [low, high]) => sum + high - low + 1, 0);
      return byteCount <= maxBytes ? 1 : Infinity;
    }
    case "literals":
      return expression.texts.reduce((sum, text) => sum + text.length, 0);
    case "sequence":
      return sumOf(expression.parts);
    case "choice":
      return sumOf(expression.options);
    case "repeat": {
      const { body, min, max } = expression;
      return countParts(body) * (max === Infinity ? min + 1 : max);
    }
    case "call":
    case "graph":
      return Infinity;
  }
}
