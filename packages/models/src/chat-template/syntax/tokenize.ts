import { limits } from "../values/limits.ts";
import { unescapeString } from "./unescape-string.ts";
import { skipSpace, stripEnd, isBlank } from "../values/white-space.ts";
import { TemplateSyntaxError } from "../values/template-error.ts";

/** A token of a template. `value` of a string literal is unescaped. */
export interface Token {
  readonly type: TokenType;
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

export type TokenType =
  | "data"
  | "print-begin"
  | "print-end"
  | "block-begin"
  | "block-end"
  | "name"
  | "string"
  | "integer"
  | "float"
  | "operator"
  | "end";

const floatPattern = /(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const integerPattern = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const namePattern = /[\p{L}\p{N}_]+/uy;
const identifier = /^[\p{L}\p{Nl}_][\p{L}\p{N}_]*$/u;
const operatorPattern = /\/\/|\*\*|[=!<>]=|[-+/*%~[\](){}<>=.:|,;]/y;
const rawBegin = /\{%[-+]?\s*raw\s*(?:-%\}\s*|%\})/y;
const rawEnd = /\{%([-+]?)\s*endraw\s*(?:\+%\}|-%\}\s*|%\}\n?)/g;
const closing: ReadonlyMap<string, string> = new Map([
  ["(", ")"],
  ["[", "]"],
  ["{", "}"],
]);

/**
 * Splits a template into tokens as Jinja does with `trim_blocks` and `lstrip_blocks`: every line break
 * becomes `\n`, and one at the end is dropped.
 * @throws TemplateSyntaxError
 */
export function tokenize(source: string): readonly Token[] {
  const text = source.replaceAll(/\r\n?/g, "\n");
  return new Lexer(text.endsWith("\n") ? text.slice(0, -1) : text).run();
}

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #at = 0;
  #line = 1;
  /** The first line break that `#line` does not count. */
  #breakAt: number;
  /** Whether the text before ended with a line break. */
  #startsLine = true;

  constructor(source: string) {
    this.#source = source;
    this.#breakAt = this.#nextBreak(0);
  }

  run(): readonly Token[] {
    while (this.#at < this.#source.length) this.#readRoot();
    this.#add("end", "");
    return this.#tokens;
  }

  /** Reads text and the tag after it. */
  #readRoot(): void {
    const start = this.#at;
    const tagAt = this.#nextTag(start);
    const tag = this.#source.slice(tagAt, tagAt + 2);
    const sign = this.#signAt(tagAt + 2);
    rawBegin.lastIndex = tagAt;
    const raw = tag === "{%" ? rawBegin.exec(this.#source)?.[0] : undefined;
    this.#addData(start, tagAt, { sign, isPrint: tag === "{{" });
    if (tag === "") return;
    const bodyAt = tagAt + 2 + sign.length;
    if (raw !== undefined) this.#readRaw(tagAt + raw.length);
    else if (tag === "{#") this.#skipComment(bodyAt);
    else this.#readTag(bodyAt, tag === "{{" ? "print" : "block");
  }

  #nextTag(from: number): number {
    for (let at = this.#source.indexOf("{", from); at >= 0; at = this.#source.indexOf("{", at + 1)) {
      const next = this.#source[at + 1];
      if (next === "{" || next === "%" || next === "#") return at;
    }
    return this.#source.length;
  }

  #signAt(at: number): string {
    const sign = this.#source[at];
    return sign === "-" || sign === "+" ? sign : "";
  }

  /** Adds the text before a tag, without the white space that the tag strips. */
  #addData(start: number, end: number, tag: { readonly sign: string; readonly isPrint: boolean }): void {
    let text = this.#source.slice(start, end);
    if (tag.sign === "-") {
      text = stripEnd(text);
    } else if (tag.sign !== "+" && !tag.isPrint && end < this.#source.length) {
      const lineAt = text.lastIndexOf("\n") + 1;
      if ((lineAt > 0 || this.#startsLine) && isBlank(text, lineAt)) text = text.slice(0, lineAt);
    }
    if (text !== "") this.#add("data", text);
    this.#at = end;
  }

  #readRaw(bodyAt: number): void {
    this.#at = bodyAt;
    this.#startsLine = this.#source[bodyAt - 1] === "\n";
    rawEnd.lastIndex = bodyAt;
    const found = rawEnd.exec(this.#source);
    if (found === null) throw this.#error("expected {% endraw %}, got the end of the template");
    this.#addData(bodyAt, found.index, { sign: found[1] ?? "", isPrint: false });
    this.#moveTo(found.index + found[0].length);
  }

  #skipComment(bodyAt: number): void {
    const end = this.#source.indexOf("#}", bodyAt);
    if (end < 0) throw this.#error('expected "#}" after a comment, got the end of the template');
    this.#passEnd(end + 2, end > bodyAt ? (this.#source[end - 1] ?? "") : "");
  }

  /** Moves past the end of a tag and the white space that it strips. */
  #passEnd(at: number, sign: string): void {
    if (sign === "-") this.#moveTo(skipSpace(this.#source, at));
    else this.#moveTo(sign !== "+" && this.#source[at] === "\n" ? at + 1 : at);
  }

  #moveTo(at: number): void {
    this.#at = at;
    this.#startsLine = this.#source[at - 1] === "\n";
  }

  #readTag(bodyAt: number, kind: "print" | "block"): void {
    this.#add(`${kind}-begin`, "");
    this.#at = bodyAt;
    const open: string[] = [];
    for (;;) {
      this.#at = skipSpace(this.#source, this.#at);
      if (open.length === 0 && this.#readTagEnd(kind)) return;
      if (this.#at >= this.#source.length) {
        throw this.#error(
          `expected the end of a ${kind === "print" ? "{{ }}" : "{% %}"} tag, got the end of the template`,
        );
      }
      this.#readToken(open);
    }
  }

  #readTagEnd(kind: "print" | "block"): boolean {
    const sign = this.#source[this.#at] ?? "";
    const hasSign = sign === "-" || (sign === "+" && kind === "block");
    const at = this.#at + (hasSign ? 1 : 0);
    if (!this.#source.startsWith(kind === "print" ? "}}" : "%}", at)) return false;
    this.#add(`${kind}-end`, "");
    // A line break after `}}` stays.
    this.#passEnd(at + 2, kind === "print" && !hasSign ? "+" : sign);
    return true;
  }

  #readToken(open: string[]): void {
    const sign = this.#source[this.#at] ?? "";
    if (sign === '"' || sign === "'") {
      this.#readString(sign);
      return;
    }
    if (this.#source[this.#at - 1] !== "." && this.#match(floatPattern, "float")) return;
    if (this.#match(integerPattern, "integer") || this.#match(namePattern, "name")) return;
    if (!this.#match(operatorPattern, "operator")) {
      throw this.#error(
        `expected a token, got ${JSON.stringify(String.fromCodePoint(this.#source.codePointAt(this.#at) ?? 0))}`,
      );
    }
    const closer = closing.get(sign);
    if (closer !== undefined) {
      open.push(closer);
    } else if (sign === ")" || sign === "]" || sign === "}") {
      const expected = open.pop();
      if (expected !== sign) {
        throw this.#error(
          `expected ${expected === undefined ? "an open bracket" : `"${expected}"`}, got "${sign}"`,
        );
      }
    }
  }

  #match(pattern: RegExp, type: TokenType): boolean {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0];
    if (found === undefined) return false;
    if (type === "name" && !identifier.test(found)) {
      throw this.#error(`expected a name, got ${JSON.stringify(found)}`);
    }
    this.#add(type, found);
    this.#at += found.length;
    return true;
  }

  #readString(quote: string): void {
    let end = this.#at + 1;
    while (end < this.#source.length && this.#source[end] !== quote) {
      end += this.#source[end] === "\\" ? 2 : 1;
    }
    if (end >= this.#source.length) {
      throw this.#error("expected the end of a string, got the end of the template");
    }
    const value = unescapeString(this.#source.slice(this.#at + 1, end));
    if (value === undefined) throw this.#error("expected valid escapes in a string, got another");
    this.#add("string", value);
    this.#at = end + 1;
  }

  #add(type: TokenType, value: string): void {
    if (this.#tokens.length >= limits.tokens) {
      throw this.#error(`expected at most ${limits.tokens} tokens, got more`);
    }
    this.#tokens.push({ type, value, line: this.#countLines() });
  }

  #countLines(): number {
    while (this.#breakAt < this.#at) {
      this.#line += 1;
      this.#breakAt = this.#nextBreak(this.#breakAt + 1);
    }
    return this.#line;
  }

  #nextBreak(from: number): number {
    const at = this.#source.indexOf("\n", from);
    return at < 0 ? Infinity : at;
  }

  #error(message: string): TemplateSyntaxError {
    return new TemplateSyntaxError(message, this.#countLines());
  }
}
