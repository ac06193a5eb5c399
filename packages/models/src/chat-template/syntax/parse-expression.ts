import type {
  ArgumentNodes,
  ArithmeticOperator,
  CallNode,
  Comparison,
  ComparisonOperator,
  Expression,
  FilterNode,
} from "./nodes.ts";
import { noArguments, parseArguments, parseDottedName, parseUntil } from "./parse-arguments.ts";
import { parseFloatLiteral, parseIntegerLiteral } from "./parse-number.ts";
import type { TokenStream } from "./token-stream.ts";

const comparisons: ReadonlySet<string> = new Set(["==", "!=", "<", "<=", ">", ">="]);
/** The tokens that a test's argument may start with. */
const testArgument: ReadonlySet<string> = new Set(["name", "string", "integer", "float"]);

/** Options of `parseTuple`. */
export interface TupleRules {
  /** Whether `a if b` is allowed. Default true. */
  readonly hasConditional?: boolean;
  /** A word that ends it. */
  readonly end?: string;
  readonly isInBrackets?: boolean;
}

/**
 * Parses an expression with Jinja's operator precedence.
 * @see https://jinja.palletsprojects.com/en/stable/templates/#expressions
 */
export function parseExpression(stream: TokenStream): Expression {
  return stream.nested(() => parseConditional(stream));
}

/** Parses one expression, or several separated by commas as a tuple. */
export function parseTuple(stream: TokenStream, rules: TupleRules = {}): Expression {
  const { hasConditional = true, end, isInBrackets = false } = rules;
  const items: Expression[] = [];
  let isTuple = false;
  const isEnd = (): boolean =>
    stream.current.type === "print-end" ||
    stream.current.type === "block-end" ||
    stream.isOperator(")") ||
    (end !== undefined && stream.isName(end));
  while (!isEnd()) {
    items.push(hasConditional ? parseExpression(stream) : stream.nested(() => parseOr(stream)));
    if (!stream.skipOperator(",")) break;
    isTuple = true;
  }
  const [first] = items;
  if (!isTuple && first !== undefined) return first;
  if (!isTuple && !isInBrackets) throw stream.unexpected("an expression");
  return { kind: "tuple", items };
}

function parseConditional(stream: TokenStream): Expression {
  let chosen = parseOr(stream);
  while (stream.skipName("if")) {
    const test = parseOr(stream);
    const otherwise = stream.skipName("else") ? parseExpression(stream) : undefined;
    chosen = { kind: "conditional", test, chosen, otherwise };
  }
  return chosen;
}

function parseOr(stream: TokenStream): Expression {
  let left = parseAnd(stream);
  while (stream.skipName("or")) left = { kind: "or", left, right: parseAnd(stream) };
  return left;
}

function parseAnd(stream: TokenStream): Expression {
  let left = parseNot(stream);
  while (stream.skipName("and")) left = { kind: "and", left, right: parseNot(stream) };
  return left;
}

function parseNot(stream: TokenStream): Expression {
  return stream.skipName("not")
    ? { kind: "not", operand: stream.nested(() => parseNot(stream)) }
    : parseComparison(stream);
}

function parseComparison(stream: TokenStream): Expression {
  const first = parseSum(stream);
  const rest: Comparison[] = [];
  for (let operator = takeComparison(stream); operator !== undefined; operator = takeComparison(stream)) {
    rest.push([operator, parseSum(stream)]);
  }
  return rest.length === 0 ? first : { kind: "compare", first, rest };
}

function takeComparison(stream: TokenStream): ComparisonOperator | undefined {
  const { type, value } = stream.current;
  if (type === "operator" && comparisons.has(value)) return stream.take().value as ComparisonOperator;
  if (stream.skipName("in")) return "in";
  if (!stream.isName("not") || stream.next.type !== "name" || stream.next.value !== "in") return undefined;
  stream.take();
  stream.take();
  return "not in";
}

function parseSum(stream: TokenStream): Expression {
  return parseLeft(stream, { operators: ["+", "-"], parse: parseConcat });
}

function parseConcat(stream: TokenStream): Expression {
  const first = parseProduct(stream);
  const parts = [first];
  while (stream.skipOperator("~")) parts.push(parseProduct(stream));
  return parts.length === 1 ? first : { kind: "concat", parts };
}

function parseProduct(stream: TokenStream): Expression {
  return parseLeft(stream, { operators: ["*", "/", "//", "%"], parse: parsePower });
}

/** Left-associative, unlike in Python. */
function parsePower(stream: TokenStream): Expression {
  return parseLeft(stream, { operators: ["**"], parse: (inner) => parseUnary(inner, true) });
}

function parseLeft(
  stream: TokenStream,
  level: {
    readonly operators: readonly ArithmeticOperator[];
    readonly parse: (stream: TokenStream) => Expression;
  },
): Expression {
  let left = level.parse(stream);
  for (;;) {
    const operator = level.operators.find((each) => stream.isOperator(each));
    if (operator === undefined) return left;
    stream.take();
    left = { kind: "arithmetic", operator, left, right: level.parse(stream) };
  }
}

function parseUnary(stream: TokenStream, hasFilters: boolean): Expression {
  let node: Expression;
  if (stream.skipOperator("-")) {
    node = { kind: "negative", operand: stream.nested(() => parseUnary(stream, false)) };
  } else if (stream.skipOperator("+")) {
    node = { kind: "positive", operand: stream.nested(() => parseUnary(stream, false)) };
  } else {
    node = parsePrimary(stream);
  }
  node = parsePostfix(stream, node);
  return hasFilters ? parseFilters(stream, node) : node;
}

/** Parses a name, a literal or a bracketed expression. */
export function parsePrimary(stream: TokenStream): Expression {
  const { type, value } = stream.current;
  switch (type) {
    case "name":
      stream.take();
      return constantOf(value) ?? { kind: "name", name: value };
    case "string": {
      let text = "";
      while (stream.current.type === "string") text += stream.take().value;
      return { kind: "constant", value: text };
    }
    case "integer":
      return { kind: "constant", value: parseIntegerLiteral(stream.take().value) };
    case "float":
      return { kind: "constant", value: parseFloatLiteral(stream.take().value) };
    case "operator":
    case "data":
    case "print-begin":
    case "print-end":
    case "block-begin":
    case "block-end":
    case "end":
      return parseBrackets(stream);
  }
}

function constantOf(word: string): Expression | undefined {
  if (word === "true" || word === "True") return { kind: "constant", value: true };
  if (word === "false" || word === "False") return { kind: "constant", value: false };
  return word === "none" || word === "None" ? { kind: "constant", value: null } : undefined;
}

function parseBrackets(stream: TokenStream): Expression {
  if (stream.skipOperator("(")) {
    const inner = stream.nested(() => parseTuple(stream, { isInBrackets: true }));
    stream.expectOperator(")");
    return inner;
  }
  if (stream.skipOperator("[")) {
    const items = parseUntil(stream, "]", () => parseExpression(stream));
    return { kind: "list", items };
  }
  if (!stream.skipOperator("{")) throw stream.unexpected("an expression");
  const entries = parseUntil(stream, "}", () => {
    const key = parseExpression(stream);
    stream.expectOperator(":");
    return [key, parseExpression(stream)] as const;
  });
  return { kind: "dict", entries };
}

function parsePostfix(stream: TokenStream, operand: Expression): Expression {
  let node = operand;
  for (;;) {
    if (stream.skipOperator(".")) node = parseMember(stream, node);
    else if (stream.skipOperator("[")) node = parseSubscript(stream, node);
    else if (stream.isOperator("(")) node = parseCall(stream, node);
    else return node;
  }
}

function parseMember(stream: TokenStream, object: Expression): Expression {
  const { type, value } = stream.current;
  if (type === "integer") {
    stream.take();
    return { kind: "item", object, key: { kind: "constant", value: parseIntegerLiteral(value) } };
  }
  if (type !== "name") throw stream.unexpected("a name or a number after the dot");
  stream.take();
  return { kind: "attribute", object, name: value };
}

function parseSubscript(stream: TokenStream, object: Expression): Expression {
  if (stream.isOperator("]")) throw stream.unexpected("an expression");
  const bounds: (Expression | undefined)[] = [];
  for (let isFirst = true; isFirst || (stream.skipOperator(":") && bounds.length < 3); isFirst = false) {
    const isAbsent = stream.isOperator(":") || stream.isOperator("]");
    bounds.push(isAbsent ? undefined : parseExpression(stream));
  }
  const [key] = bounds;
  if (bounds.length > 1) {
    stream.expectOperator("]");
    return { kind: "slice", object, bounds };
  }
  if (key === undefined) throw stream.unexpected("an expression");
  if (stream.skipOperator("]")) return { kind: "item", object, key };
  stream.expectOperator(",");
  const items = [key, ...parseUntil(stream, "]", () => parseExpression(stream))];
  return { kind: "item", object, key: { kind: "tuple", items } };
}

function parseCall(stream: TokenStream, callee: Expression): CallNode {
  const { line } = stream.current;
  return { kind: "call", callee, args: parseArguments(stream, parseExpression), line };
}

function parseFilters(stream: TokenStream, operand: Expression): Expression {
  let node = operand;
  for (;;) {
    if (stream.isOperator("|")) node = parseFilterChain(stream, node) ?? node;
    else if (stream.isName("is")) node = parseTest(stream, node);
    else if (stream.isOperator("(")) node = parseCall(stream, node);
    else return node;
  }
}

/** Parses `| name(…) | name`; `undefined` where there is none. */
export function parseFilterChain(
  stream: TokenStream,
  operand: Expression | undefined,
): FilterNode | undefined {
  let node: FilterNode | undefined;
  while (stream.skipOperator("|")) node = parseFilter(stream, node ?? operand);
  return node;
}

/** Parses a filter's name and arguments. */
export function parseFilter(stream: TokenStream, operand: Expression | undefined): FilterNode {
  const { line } = stream.current;
  const name = parseDottedName(stream);
  const args = stream.isOperator("(") ? parseArguments(stream, parseExpression) : noArguments;
  return { kind: "filter", operand, name, args, line };
}

function parseTest(stream: TokenStream, operand: Expression): Expression {
  const { line } = stream.take();
  const isNegated = stream.skipName("not");
  const name = parseDottedName(stream);
  const node: Expression = { kind: "test", operand, name, args: parseTestArguments(stream), line };
  return isNegated ? { kind: "not", operand: node } : node;
}

function parseTestArguments(stream: TokenStream): ArgumentNodes {
  if (stream.isOperator("(")) return parseArguments(stream, parseExpression);
  const hasArgument =
    testArgument.has(stream.current.type) || stream.isOperator("[") || stream.isOperator("{");
  if (!hasArgument || stream.isName("else", "or", "and")) return noArguments;
  if (stream.isName("is")) throw stream.fail('expected one test at a time, got another "is"');
  return { ...noArguments, positional: [stream.nested(() => parsePostfix(stream, parsePrimary(stream)))] };
}
