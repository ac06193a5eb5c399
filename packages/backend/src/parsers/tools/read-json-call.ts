import { skipSpace } from "../read-until.ts";
import type { Parsing, TextCursor } from "../text-cursor.ts";
import { ValueScanner } from "../value-scanner.ts";
import type { ToolParse } from "./tool-format.ts";

/** Text that may come before the arguments of a call, and the longest arguments that are not an object. */
export const maxHeaderCharacters = 65_536;

const argumentKeys: ReadonlySet<string> = new Set(["arguments", "parameters"]);
const scalarEnd = /[\s,\]}]/;

export interface JsonCallRules {
  /** What was read of the call before; it is content if there is no call. [""] */
  readonly prefix?: string;
  /** Only calls of the request's tools are taken for calls. [false] */
  readonly isNameKnown?: boolean;
}

/** Reads the text of a string with its quotes; `undefined` where there is none that ends. */
function* readStringText(cursor: TextCursor): Parsing<string | undefined> {
  let text = "";
  let isEscaped = false;
  for (;;) {
    if (cursor.isDrained && !(yield* cursor.hasMore())) return undefined;
    const next = cursor.peek();
    if (text === "" && next !== '"') return undefined;
    cursor.skip(1);
    text += next;
    if (isEscaped) isEscaped = false;
    else if (next === "\\") isEscaped = true;
    else if (next === '"' && text.length > 1) return text;
  }
}

function parseString(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as string;
  } catch {
    return undefined;
  }
}

/** Reads an object or array and hands it on as it comes; `false` where it does not end. */
export function* readNested(cursor: TextCursor, write: (text: string) => void): Parsing<boolean> {
  const scanner = new ValueScanner();
  while (!scanner.isEnded) {
    if (!(yield* cursor.hasMore())) return false;
    const { rest } = cursor;
    const length = scanner.push(rest);
    cursor.skip(length);
    write(rest.slice(0, length));
  }
  return true;
}

function* readScalar(cursor: TextCursor): Parsing<string | undefined> {
  let text = "";
  while (yield* cursor.hasMore()) {
    const next = cursor.peek();
    if (scalarEnd.test(next)) break;
    text += next;
    cursor.skip(1);
  }
  return text === "" ? undefined : text;
}

/** Reads a value as it is written; `undefined` where there is none that ends. */
function* readValue(cursor: TextCursor): Parsing<string | undefined> {
  if (!(yield* cursor.hasMore())) return undefined;
  const next = cursor.peek();
  if (next === '"') return yield* readStringText(cursor);
  if (next !== "{" && next !== "[") return yield* readScalar(cursor);
  const pieces: string[] = [];
  const isWhole = yield* readNested(cursor, (text) => void pieces.push(text));
  return isWhole ? pieces.join("") : undefined;
}

/** Some models write the arguments as JSON text in a string, or `null` for none. */
function toArguments(value: string): string {
  if (value === "null") return "";
  const inner = value.startsWith('"') ? parseString(value) : undefined;
  return inner !== undefined && /^\s*\{/.test(inner) ? inner : value;
}

/** The members of a call. */
class JsonCall {
  readonly #parse: ToolParse;
  readonly #isNameKnown: boolean;
  #name: string | undefined;
  #arguments: string | undefined;
  #hasBegun = false;

  constructor(parse: ToolParse, isNameKnown: boolean) {
    this.#parse = parse;
    this.#isNameKnown = isNameKnown;
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  *readMember(): Parsing<boolean> {
    const { cursor } = this.#parse;
    const key = parseString(yield* readStringText(cursor));
    yield* skipSpace(cursor);
    if (key === undefined || cursor.peek() !== ":") return false;
    cursor.skip(1);
    yield* skipSpace(cursor);
    if (key === "name" && this.#name === undefined) return yield* this.#readName();
    const isArguments = argumentKeys.has(key) && !this.#hasBegun && this.#arguments === undefined;
    if (isArguments && this.#name !== undefined && cursor.peek() === "{") {
      this.#begin();
      return yield* readNested(cursor, (text) => this.#parse.sink.arguments(text));
    }
    const value = yield* readValue(cursor);
    if (isArguments && value !== undefined) this.#arguments = toArguments(value);
    return value !== undefined;
  }

  /** Ends the object; `false` if it is no call. */
  finish(): boolean {
    if (this.#name === undefined) return false;
    if (!this.#hasBegun) this.#begin();
    this.#parse.sink.endCall();
    return true;
  }

  *#readName(): Parsing<boolean> {
    const name = parseString(yield* readStringText(this.#parse.cursor));
    if (name === undefined || name === "") return false;
    if (this.#isNameKnown && !this.#parse.toolNames.has(name)) return false;
    this.#name = name;
    return true;
  }

  #begin(): void {
    const { cursor, sink } = this.#parse;
    cursor.takeRecorded();
    this.#hasBegun = true;
    sink.beginCall(this.#name ?? "");
    sink.arguments(this.#arguments ?? "");
  }
}

function* readMembers(cursor: TextCursor, call: JsonCall): Parsing<boolean> {
  yield* skipSpace(cursor);
  if (cursor.peek() !== "{") return false;
  cursor.skip(1);
  for (let isFirst = true; ; isFirst = false) {
    yield* skipSpace(cursor);
    if (cursor.peek() === "}") {
      cursor.skip(1);
      return true;
    }
    if (!isFirst) {
      if (cursor.peek() !== ",") return false;
      cursor.skip(1);
      yield* skipSpace(cursor);
    }
    if (!(yield* call.readMember())) return false;
  }
}

/**
 * Reads `{"name": …, "arguments": {…}}`, with `parameters` as another name of `arguments`, and any other members. The
 * call begins where its arguments do; they are handed on as they are written. What turns out not to be a call before
 * that is content. Returns whether it was a call.
 */
export function* readJsonCall(parse: ToolParse, rules: JsonCallRules = {}): Parsing<boolean> {
  const { cursor, sink } = parse;
  const { prefix = "", isNameKnown = false } = rules;
  const call = new JsonCall(parse, isNameKnown);
  cursor.record(maxHeaderCharacters);
  const isWhole = yield* readMembers(cursor, call);
  if (isWhole && call.finish()) return true;
  // What follows broken arguments is not part of the call.
  if (call.hasBegun) sink.endCall();
  else sink.content(prefix + cursor.takeRecorded());
  return call.hasBegun;
}
