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

/** `x is divisibleby(2)` → `x | "is divisibleby"(2)`, `x is in y` → `x in y`. */
function withTestFilters(tokens: readonly JinjaToken[]): JinjaToken[] {
  const result: JinjaToken[] = [];
  let at = 0;
  for (let token = tokens[at]; token !== undefined; token = tokens[at]) {
    at += 1;
    if (token.type !== "Identifier" || token.value !== "is" || tokens[at - 2]?.type === "Dot") {
      result.push(token);
      continue;
    }
    const isNegated = tokens[at]?.value === "not";
    const name = tokens[isNegated ? at + 1 : at];
    const opening = tokens[isNegated ? at + 2 : at + 1];
    if (name?.type === "Identifier" && opening?.type === "OpenParen" && name.value !== "in") {
      const value = (isNegated ? NEGATED_TEST_FILTER : TEST_FILTER) + name.value;
      result.push({ type: "Pipe", value: "|" }, { type: "Identifier", value });
      at += isNegated ? 2 : 1;
    } else if (name?.value !== "in") {
      result.push(token);
    }
  }
  return result;
}
