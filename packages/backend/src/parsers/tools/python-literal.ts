import { skipSpace } from "../read-until.ts";
import { readElements } from "./read-elements.ts";
import type { Parsing, TextCursor } from "../text-cursor.ts";

const maxDepth = 64;
const wordCharacter = /[\w.+-]/;
const number = /^[+-]?(?:0|[1-9][\d_]*|(?=\.))(?:\.\d*)?(?:[eE][+-]?\d+)?$/;
const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  b: "\b",
  f: "\f",
  v: "\v",
  a: "\u0007",
  "0": "\0",
  "\n": "",
  "\\": "\\",
  "'": "'",
  '"': '"',
};
const escapeDigits: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
const constants: Readonly<Record<string, string>> = {
  True: "true",
  False: "false",
  None: "null",
  true: "true",
  false: "false",
  null: "null",
};

/** Takes the next character; `undefined` at the end. */
function* take(cursor: TextCursor): Parsing<string | undefined> {
  if (cursor.isDrained && !(yield* cursor.hasMore())) return undefined;
  const next = cursor.peek();
  cursor.skip(1);
  return next;
}

function* readEscape(cursor: TextCursor): Parsing<string | undefined> {
  const letter = yield* take(cursor);
  if (letter === undefined) return undefined;
  const digitCount = Object.hasOwn(escapeDigits, letter) ? (escapeDigits[letter] ?? 0) : 0;
  if (digitCount === 0) return Object.hasOwn(escapes, letter) ? escapes[letter] : `\\${letter}`;
  let digits = "";
  while (digits.length < digitCount) {
    const digit = yield* take(cursor);
    if (digit === undefined || !/[\da-fA-F]/.test(digit)) return undefined;
    digits += digit;
  }
  const code = Number.parseInt(digits, 16);
  return code > 0x10ffff ? undefined : String.fromCodePoint(code);
}

function* readString(cursor: TextCursor): Parsing<string | undefined> {
  const quote = yield* take(cursor);
  let text = "";
  for (;;) {
    const next = yield* take(cursor);
    if (next === undefined) return undefined;
    if (next === quote) return JSON.stringify(text);
    const piece = next === "\\" ? yield* readEscape(cursor) : next;
    if (piece === undefined) return undefined;
    text += piece;
  }
}

function numberJson(word: string): string | undefined {
  if (!number.test(word) || !/\d/.test(word)) return undefined;
  const [, sign, rest = ""] = /^([+-]?)(.*)$/.exec(word.replaceAll("_", "")) ?? [];
  const whole = rest.replace(/^\./, "0.").replace(/\.(?!\d)/, ".0");
  return (sign === "-" ? "-" : "") + whole;
}

function* readWord(cursor: TextCursor): Parsing<string | undefined> {
  let word = "";
  while ((yield* cursor.hasMore()) && wordCharacter.test(cursor.peek())) {
    word += cursor.peek();
    cursor.skip(1);
  }
  return Object.hasOwn(constants, word) ? constants[word] : numberJson(word);
}

function* readEntry(cursor: TextCursor, depth: number): Parsing<string | undefined> {
  const key = yield* readPythonLiteral(cursor, depth);
  yield* skipSpace(cursor);
  if (key === undefined || cursor.peek() !== ":") return undefined;
  cursor.skip(1);
  const value = yield* readPythonLiteral(cursor, depth);
  if (value === undefined) return undefined;
  return `${key.startsWith('"') ? key : JSON.stringify(key)}: ${value}`;
}

/** Reads a literal of Python as JSON text; `undefined` where there is none. */
function* readPythonLiteral(cursor: TextCursor, depth = 0): Parsing<string | undefined> {
  yield* skipSpace(cursor);
  const next = cursor.peek();
  if (next === '"' || next === "'") return yield* readString(cursor);
  const isNested = next === "[" || next === "(" || next === "{";
  if (!isNested) return yield* readWord(cursor);
  if (depth >= maxDepth) return undefined;
  cursor.skip(1);
  if (next === "{") {
    const entries = yield* readElements(cursor, "}", () => readEntry(cursor, depth + 1));
    return entries && `{${entries.join(", ")}}`;
  }
  const elements = yield* readElements(cursor, next === "[" ? "]" : ")", () =>
    readPythonLiteral(cursor, depth + 1),
  );
  return elements && `[${elements.join(", ")}]`;
}

/** Reads `(name=literal, …)` as the text of a JSON object; `undefined` where there is none. */
export function* readPythonArguments(cursor: TextCursor): Parsing<string | undefined> {
  if (cursor.peek() !== "(") return undefined;
  cursor.skip(1);
  const members = yield* readElements(cursor, ")", function* readArgument(): Parsing<string | undefined> {
    const name = yield* readName(cursor);
    yield* skipSpace(cursor);
    if (name === "" || cursor.peek() !== "=") return undefined;
    cursor.skip(1);
    const value = yield* readPythonLiteral(cursor);
    return value && `${JSON.stringify(name)}: ${value}`;
  });
  return members && `{${members.join(", ")}}`;
}

/** Reads the name of a function or an argument; empty where there is none. */
export function* readName(cursor: TextCursor): Parsing<string> {
  yield* skipSpace(cursor);
  let name = "";
  while ((yield* cursor.hasMore()) && /[\w-]/.test(cursor.peek())) {
    name += cursor.peek();
    cursor.skip(1);
  }
  return name;
}
