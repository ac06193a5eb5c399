import { jinja } from "./jinja-library.ts";
import type { JinjaEnvironment, JinjaValue } from "./jinja-library.ts";

/** A parsed template, as the library has it. */
export type TemplateProgram = unknown;

/** A conversation takes thousands; a template that loops without end is stopped. */
const MAX_STEPS = 5_000_000;
const MAX_TEXT_LENGTH = 2 ** 26;
const MAX_LIST_LENGTH = 2 ** 20;

/** Runs a template within limits, so that a hostile one cannot hold the process. */
class BoundedInterpreter extends jinja.Interpreter {
  #steps = 0;

  override evaluate(statement: unknown, environment: JinjaEnvironment): JinjaValue {
    this.#steps += 1;
    if (this.#steps > MAX_STEPS) {
      throw new Error(`the template took more than ${MAX_STEPS} steps`);
    }
    const result = super.evaluate(statement, environment);
    const { value } = result;
    if (typeof value === "string" && value.length > MAX_TEXT_LENGTH) {
      throw new Error(`the template made a text of more than ${MAX_TEXT_LENGTH} characters`);
    }
    if (Array.isArray(value) && value.length > MAX_LIST_LENGTH) {
      throw new Error(`the template made a list of more than ${MAX_LIST_LENGTH} items`);
    }
    return result;
  }
}

/** Parses a template as `transformers` has Jinja do it: blocks trimmed, `strip` with its argument. */
export function parseTemplate(source: string): TemplateProgram {
  const program = jinja.parse(jinja.tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  rewriteStripCalls(program);
  return program;
}

/** Runs a parsed template. Globals are functions and constants, variables shadow them. */
export function runTemplate(
  program: TemplateProgram,
  globals: Readonly<Record<string, unknown>>,
  variables: Readonly<Record<string, unknown>>,
): string {
  const outer = new jinja.Environment();
  for (const [name, value] of Object.entries({ ...STRIP_FUNCTIONS, ...globals })) {
    outer.set(name, value);
  }
  const inner = new jinja.Environment(outer);
  for (const [name, value] of Object.entries(variables)) {
    inner.set(name, value);
  }
  return String(new BoundedInterpreter(inner).run(program).value);
}

/** Python's `str.strip`, which takes the characters to strip; the library's takes none. Unreachable by name from a template. */
const STRIP_FUNCTIONS: Readonly<Record<string, (text: unknown, chars?: unknown) => string>> = {
  "str.strip": (text, chars) => stripEnd(stripStart(textOf(text), chars), chars),
  "str.lstrip": (text, chars) => stripStart(textOf(text), chars),
  "str.rstrip": (text, chars) => stripEnd(textOf(text), chars),
};

const PYTHON_SPACE =
  "\t\n\v\f\r\u001C\u001D\u001E\u001F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000";

function textOf(value: unknown): string {
  if (typeof value !== "string") {
    throw new TypeError("strip wants a text");
  }
  return value;
}

function strippedChars(chars: unknown): ReadonlySet<string> {
  return new Set(typeof chars === "string" ? chars : PYTHON_SPACE);
}

function stripStart(text: string, chars: unknown): string {
  const stripped = strippedChars(chars);
  const points = Array.from(text);
  const start = points.findIndex((point) => !stripped.has(point));
  return start === -1 ? "" : points.slice(start).join("");
}

function stripEnd(text: string, chars: unknown): string {
  const stripped = strippedChars(chars);
  const points = Array.from(text);
  const end = points.findLastIndex((point) => !stripped.has(point)) + 1;
  return points.slice(0, end).join("");
}

interface SyntaxNode {
  readonly type: string;
  readonly object?: unknown;
  readonly property?: SyntaxNode;
  readonly computed?: boolean;
  readonly value?: unknown;
}

/** Turns `text.strip("x")` into a call of `str.strip` with the text as first argument, everywhere in the tree. */
function rewriteStripCalls(root: unknown): void {
  const pending: unknown[] = [root];
  while (pending.length > 0) {
    const node = pending.pop();
    if (node instanceof Map) {
      pending.push(...node.keys(), ...node.values());
    } else if (typeof node === "object" && node !== null) {
      rewriteStripCall(node);
      pending.push(...Object.values(node));
    }
  }
}

function rewriteStripCall(node: { type?: unknown; callee?: SyntaxNode; args?: unknown }): void {
  const { type, callee, args } = node;
  if (type !== "CallExpression" || callee?.type !== "MemberExpression" || callee.computed === true) {
    return;
  }
  const name = `str.${String(callee.property?.value)}`;
  if (callee.property?.type === "Identifier" && Array.isArray(args) && Object.hasOwn(STRIP_FUNCTIONS, name)) {
    node.args = [callee.object, ...(args as unknown[])];
    node.callee = { type: "Identifier", value: name };
  }
}
