import type { JinjaNode } from "./jinja-library.ts";

type TextFunction = (text: unknown, argument?: unknown) => string;

/** Python's white space. */
const SPACE =
  "\t\n\v\f\r\u001C\u001D\u001E\u001F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000";

/**
 * Methods and filters of texts as Python has them, where the library's differ: its `strip` knows no
 * characters, its `title` and `capitalize` leave the rest of a word as it is. No template can name them.
 */
export const TEXT_FUNCTIONS: Readonly<Record<string, TextFunction>> = {
  "text.strip": (text, chars) => stripEnd(stripStart(textOf(text), chars), chars),
  "text.lstrip": (text, chars) => stripStart(textOf(text), chars),
  "text.rstrip": (text, chars) => stripEnd(textOf(text), chars),
  "text.title": (text) => textOf(text).replaceAll(/\p{L}+/gu, capitalize),
  "text.capitalize": (text) => capitalize(textOf(text)),
  "filter.trim": (text, chars) => stripEnd(stripStart(textOf(text), chars), chars),
  "filter.title": (text) => textOf(text).replaceAll(/[^-\s({[<]+/gu, capitalize),
  "filter.capitalize": (text) => capitalize(textOf(text)),
};

/** Makes a parsed template call `TEXT_FUNCTIONS` where it uses the methods and filters of those names. */
export function useTextFunctions(root: JinjaNode): void {
  const pending: unknown[] = [root];
  while (pending.length > 0) {
    const node = pending.pop();
    if (node instanceof Map) {
      pending.push(...node.keys(), ...node.values());
    } else if (typeof node === "object" && node !== null) {
      rewriteMethod(node);
      rewriteFilter(node);
      pending.push(...Object.values(node));
    }
  }
}

interface MutableNode {
  type?: string;
  callee?: JinjaNode;
  args?: unknown;
  operand?: unknown;
  filter?: JinjaNode;
}

/** `text.strip("x")` → `text.strip(text, "x")`, a call of one name. */
function rewriteMethod(node: MutableNode): void {
  const { callee, args } = node;
  if (node.type === "CallExpression" && callee?.type === "MemberExpression" && callee["computed"] !== true) {
    const name = nameOf("text", callee["property"]);
    if (name !== undefined && Array.isArray(args)) {
      node.callee = { type: "Identifier", value: name };
      node.args = [callee["object"], ...(args as unknown[])];
    }
  }
}

/** `text | trim` and `text | trim("x")` → a call of one name. */
function rewriteFilter(node: MutableNode): void {
  const { filter } = node;
  if (node.type === "FilterExpression" && filter !== undefined) {
    const isCall = filter.type === "CallExpression";
    const name = nameOf("filter", isCall ? filter["callee"] : filter);
    if (name !== undefined) {
      node.type = "CallExpression";
      node.callee = { type: "Identifier", value: name };
      node.args = [node.operand, ...(isCall ? (filter["args"] as unknown[]) : [])];
    }
  }
}

function nameOf(kind: "text" | "filter", identifier: unknown): string | undefined {
  const { type, value } = identifier as JinjaNode;
  const name = `${kind}.${String(value)}`;
  return type === "Identifier" && Object.hasOwn(TEXT_FUNCTIONS, name) ? name : undefined;
}

function textOf(value: unknown): string {
  if (typeof value !== "string") {
    throw new TypeError(`wanted a text, found ${value === null ? "none" : typeof value}`);
  }
  return value;
}

function capitalize(word: string): string {
  const [first = "", ...rest] = word;
  return first.toUpperCase() + rest.join("").toLowerCase();
}

function stripStart(text: string, chars: unknown): string {
  const stripped = new Set(typeof chars === "string" ? chars : SPACE);
  let start = 0;
  for (const point of text) {
    if (!stripped.has(point)) {
      break;
    }
    start += point.length;
  }
  return text.slice(start);
}

function stripEnd(text: string, chars: unknown): string {
  const stripped = new Set(typeof chars === "string" ? chars : SPACE);
  let end = text.length;
  while (end > 0) {
    const isPair = end > 1 && (text.codePointAt(end - 2) ?? 0) > 0xffff;
    const point = text.slice(isPair ? end - 2 : end - 1, end);
    if (!stripped.has(point)) {
      break;
    }
    end -= point.length;
  }
  return text.slice(0, end);
}
