import type { ArgumentNodes, Expression } from "./nodes.ts";
import type { TokenStream } from "./token-stream.ts";

export type ExpressionParser = (stream: TokenStream) => Expression;

export const noArguments: ArgumentNodes = { positional: [], named: [], list: undefined, mapping: undefined };

/** Parses items separated by commas, with an optional trailing one, up to a bracket. */
export function parseUntil<Item>(stream: TokenStream, closer: string, parse: () => Item): Item[] {
  const items: Item[] = [];
  while (!stream.isOperator(closer)) {
    items.push(parse());
    if (!stream.isOperator(closer)) stream.expectOperator(",");
  }
  stream.take();
  return items;
}

/** Parses `(a, b=c, *d, **e)`; `parse` reads one expression. */
export function parseArguments(stream: TokenStream, parse: ExpressionParser): ArgumentNodes {
  stream.expectOperator("(");
  const positional: Expression[] = [];
  const named: (readonly [string, Expression])[] = [];
  let list: Expression | undefined;
  let mapping: Expression | undefined;
  parseUntil(stream, ")", () => {
    const isNamed =
      stream.current.type === "name" && stream.next.type === "operator" && stream.next.value === "=";
    if (mapping !== undefined || (list !== undefined && !isNamed && !stream.isOperator("**"))) {
      throw stream.fail("expected no argument after *list or **mapping, got one");
    }
    if (stream.skipOperator("*")) {
      list = parse(stream);
    } else if (stream.skipOperator("**")) {
      mapping = parse(stream);
    } else if (isNamed) {
      const name = stream.take().value;
      stream.take();
      named.push([name, parse(stream)]);
    } else {
      if (named.length > 0) {
        throw stream.fail("expected a keyword argument after another, got a positional one");
      }
      positional.push(parse(stream));
    }
  });
  return { positional, named, list, mapping };
}

/** Parses a dotted name. */
export function parseDottedName(stream: TokenStream): string {
  let name = stream.expect("name").value;
  while (stream.skipOperator(".")) name += `.${stream.expect("name").value}`;
  return name;
}
