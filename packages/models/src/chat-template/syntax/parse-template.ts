import type {
  Block,
  Expression,
  Signature,
  Statement,
  StatementKind,
  Target,
  TemplateNode,
} from "./nodes.ts";
import {
  parseExpression,
  parseFilter,
  parseFilterChain,
  parsePrimary,
  parseTuple,
} from "./parse-expression.ts";
import { tokenize } from "./tokenize.ts";
import { TokenStream } from "./token-stream.ts";

type StatementParser = (parser: TemplateParser) => StatementKind;

/**
 * Parses a template: Jinja 3.1 with `break`, `continue`, `do` and `generation`.
 * @throws TemplateSyntaxError
 */
export function parseTemplate(source: string): TemplateNode {
  const stream = new TokenStream(tokenize(source));
  const parser = new TemplateParser(stream);
  const body = parser.parseBlock([]);
  return { body, blocks: parser.blocks };
}

class TemplateParser {
  readonly stream: TokenStream;
  readonly blocks: Map<string, Block> = new Map();
  /** Loops around the statement, within its macro or block. */
  loopDepth = 0;

  constructor(stream: TokenStream) {
    this.stream = stream;
  }

  /** Parses up to a tag with one of the names, which becomes the current token; to the end without names. */
  parseBlock(ends: readonly string[]): Block {
    const { stream } = this;
    const body: Statement[] = [];
    for (;;) {
      const { type, value, line } = stream.current;
      switch (type) {
        case "data":
          stream.take();
          body.push({ kind: "data", text: value, line });
          break;
        case "print-begin":
          stream.take();
          body.push({ kind: "print", value: parseTuple(stream), line });
          stream.expect("print-end");
          break;
        case "block-begin":
          stream.take();
          if (ends.length > 0 && stream.isName(...ends)) return body;
          body.push({ ...this.#parseStatement(), line });
          stream.expect("block-end");
          break;
        case "print-end":
        case "block-end":
        case "name":
        case "string":
        case "integer":
        case "float":
        case "operator":
        case "end":
          if (ends.length > 0) throw stream.unexpected(ends.map((end) => `{% ${end} %}`).join(" or "));
          return body;
      }
    }
  }

  /** Parses the end of a tag and its body, and consumes the name of the tag that ends it. */
  parseBody(...ends: readonly string[]): Block {
    this.openBody();
    const body = this.stream.nested(() => this.parseBlock(ends));
    this.stream.take();
    return body;
  }

  openBody(): void {
    this.stream.skipOperator(":");
    this.stream.expect("block-end");
  }

  /** Parses a body in which `break` and `continue` do not apply to the loops around it. */
  parseOwnBody(end: string): Block {
    const { loopDepth } = this;
    this.loopDepth = 0;
    const body = this.parseBody(end);
    this.loopDepth = loopDepth;
    return body;
  }

  #parseStatement(): StatementKind {
    const { value } = this.stream.current;
    const parse = this.stream.current.type === "name" ? statements.get(value) : undefined;
    if (parse === undefined) throw this.stream.unexpected("a tag that is known");
    this.stream.take();
    return parse(this);
  }
}

const statements: ReadonlyMap<string, StatementParser> = new Map<string, StatementParser>([
  ["if", parseIf],
  ["for", parseFor],
  ["set", parseSet],
  ["macro", parseMacro],
  ["call", parseCallBlock],
  ["filter", parseFilterBlock],
  ["with", parseWith],
  ["block", parseNamedBlock],
  ["generation", (parser) => ({ kind: "scope", body: parser.parseOwnBody("endgeneration") })],
  ["autoescape", parseAutoescape],
  ["do", ({ stream }) => ({ kind: "do", value: parseTuple(stream) })],
  ["print", ({ stream }) => ({ kind: "print", value: parseTuple(stream) })],
  ["break", (parser) => parseLoopControl(parser, "break")],
  ["continue", (parser) => parseLoopControl(parser, "continue")],
  ["include", (parser) => parseUnsupported(parser, "include")],
  ["extends", (parser) => parseUnsupported(parser, "extends")],
  ["import", (parser) => parseUnsupported(parser, "import")],
  ["from", (parser) => parseUnsupported(parser, "from")],
]);

function parseIf(parser: TemplateParser): StatementKind {
  const branches: { readonly test: Expression; readonly body: Block }[] = [];
  for (;;) {
    const test = parseTuple(parser.stream, { hasConditional: false });
    parser.openBody();
    const body = parser.stream.nested(() => parser.parseBlock(["elif", "else", "endif"]));
    branches.push({ test, body });
    const end = parser.stream.take().value;
    if (end === "elif") continue;
    return { kind: "if", branches, otherwise: end === "else" ? parser.parseBody("endif") : [] };
  }
}

function parseFor(parser: TemplateParser): StatementKind {
  const { stream } = parser;
  const target = parseTarget(stream, { end: "in" });
  stream.expectName("in");
  const iterable = parseTuple(stream, { hasConditional: false, end: "recursive" });
  const test = stream.skipName("if") ? parseExpression(stream) : undefined;
  const isRecursive = stream.skipName("recursive");
  parser.openBody();
  parser.loopDepth += 1;
  const body = stream.nested(() => parser.parseBlock(["endfor", "else"]));
  parser.loopDepth -= 1;
  const otherwise = stream.take().value === "else" ? parser.parseBody("endfor") : [];
  return { kind: "for", target, iterable, test, isRecursive, body, otherwise };
}

function parseSet(parser: TemplateParser): StatementKind {
  const { stream } = parser;
  const target = parseTarget(stream, { hasMembers: true });
  if (stream.skipOperator("=")) return { kind: "set", target, value: parseTuple(stream) };
  const filter = parseFilterChain(stream, undefined);
  return { kind: "set-block", target, filter, body: parser.parseBody("endset") };
}

function parseMacro(parser: TemplateParser): StatementKind {
  const name = parser.stream.expect("name").value;
  const signature = parseSignature(parser.stream);
  return { kind: "macro", name, signature, body: parser.parseOwnBody("endmacro") };
}

function parseSignature(stream: TokenStream): Signature {
  const parameters: { readonly name: string; readonly fallback: Expression | undefined }[] = [];
  stream.expectOperator("(");
  while (!stream.isOperator(")")) {
    if (parameters.length > 0) stream.expectOperator(",");
    const name = stream.expect("name").value;
    const fallback = stream.skipOperator("=") ? parseExpression(stream) : undefined;
    if (fallback === undefined && parameters.at(-1)?.fallback !== undefined) {
      throw stream.fail(`expected a default for "${name}", as the parameter before it has one, got none`);
    }
    parameters.push({ name, fallback });
  }
  stream.take();
  return { parameters };
}

function parseCallBlock(parser: TemplateParser): StatementKind {
  const { stream } = parser;
  const signature = stream.isOperator("(") ? parseSignature(stream) : { parameters: [] };
  const call = parseExpression(stream);
  if (call.kind !== "call") throw stream.unexpected("a call");
  return { kind: "call-block", signature, call, body: parser.parseOwnBody("endcall") };
}

function parseFilterBlock(parser: TemplateParser): StatementKind {
  const first = parseFilter(parser.stream, undefined);
  const filter = parseFilterChain(parser.stream, first) ?? first;
  return { kind: "filter-block", filter, body: parser.parseBody("endfilter") };
}

function parseWith(parser: TemplateParser): StatementKind {
  const { stream } = parser;
  const bindings: (readonly [Target, Expression])[] = [];
  while (stream.current.type !== "block-end") {
    if (bindings.length > 0) stream.expectOperator(",");
    const target = parseTarget(stream, {});
    stream.expectOperator("=");
    bindings.push([target, parseExpression(stream)]);
  }
  return { kind: "with", bindings, body: parser.parseBody("endwith") };
}

function parseNamedBlock(parser: TemplateParser): StatementKind {
  const { stream } = parser;
  const name = stream.expect("name").value;
  if (parser.blocks.has(name)) throw stream.fail(`expected one block "${name}", got another`);
  const isScoped = stream.skipName("scoped");
  stream.skipName("required");
  const body = parser.parseOwnBody("endblock");
  stream.skipName(name);
  parser.blocks.set(name, body);
  return { kind: "block", name, isScoped, body };
}

/** Output is never escaped, so only `autoescape false` is supported. */
function parseAutoescape(parser: TemplateParser): StatementKind {
  const value = parseExpression(parser.stream);
  const body = parser.parseBody("endautoescape");
  const isOff = value.kind === "constant" && value.value === false;
  return isOff ? { kind: "scope", body } : { kind: "unsupported", tag: "autoescape" };
}

function parseLoopControl(parser: TemplateParser, kind: "break" | "continue"): StatementKind {
  if (parser.loopDepth === 0) {
    throw parser.stream.fail(`expected {% ${kind} %} in a loop, got it outside of one`);
  }
  return { kind };
}

/** Skips the rest of the tag. */
function parseUnsupported({ stream }: TemplateParser, tag: string): StatementKind {
  parseExpression(stream);
  while (stream.current.type !== "block-end" && stream.current.type !== "end") stream.take();
  return { kind: "unsupported", tag };
}

interface TargetRules {
  readonly end?: string;
  /** Whether `namespace.name` is allowed. */
  readonly hasMembers?: boolean;
}

function parseTarget(stream: TokenStream, rules: TargetRules): Target {
  const targets: Target[] = [];
  let isTuple = false;
  while (rules.end === undefined ? !stream.isOperator("=") : !stream.isName(rules.end)) {
    targets.push(parseOneTarget(stream, rules));
    if (!stream.skipOperator(",")) break;
    isTuple = true;
  }
  const [first] = targets;
  if (first === undefined) throw stream.unexpected("a name");
  return isTuple ? { kind: "targets", targets } : first;
}

function parseOneTarget(stream: TokenStream, rules: TargetRules): Target {
  if (
    stream.current.type === "name" &&
    stream.next.type === "operator" &&
    stream.next.value === "." &&
    rules.hasMembers === true
  ) {
    const object = stream.take().value;
    stream.take();
    return { kind: "member", object, name: stream.expect("name").value };
  }
  return toTarget(stream, parsePrimary(stream));
}

function toTarget(stream: TokenStream, node: Expression): Target {
  if (node.kind === "name") return { kind: "name", name: node.name };
  if (node.kind !== "tuple" && node.kind !== "list") {
    throw stream.fail("expected a name to assign to, got an expression");
  }
  return { kind: "targets", targets: node.items.map((item) => toTarget(stream, item)) };
}
