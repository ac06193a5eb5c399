import { isSpace, SPACES } from "./python-values.ts";

type Plain = string | number | boolean | readonly string[];
type TextMethod = (text: string, ...args: readonly unknown[]) => Plain;

const WORD = new RegExp(`[^${SPACES}]+`, "gu");
const LINE_ENDS = "\n\r\v\f\u001C\u001D\u001E\u0085\u2028\u2029";
const LINE_END = new RegExp(`\r\n|[${LINE_ENDS}]`, "u");
const MAX_WIDTH = 2 ** 20;

/**
 * Methods of texts as Python has them, with plain arguments. Places and lengths count code points, as
 * everywhere in Python.
 *
 * @see https://docs.python.org/3/library/stdtypes.html#string-methods
 */
export const TEXT_METHODS: ReadonlyMap<string, TextMethod> = new Map<string, TextMethod>([
  ["strip", (text, chars) => strip(text, { start: true, end: true, chars })],
  ["lstrip", (text, chars) => strip(text, { start: true, end: false, chars })],
  ["rstrip", (text, chars) => strip(text, { start: false, end: true, chars })],
  ["upper", (text) => text.toUpperCase()],
  ["lower", (text) => text.toLowerCase()],
  ["casefold", (text) => text.toLowerCase()],
  ["title", (text) => text.replaceAll(/\p{L}+/gu, capitalize)],
  ["capitalize", capitalize],
  ["startswith", (text, start) => alternatives(start).some((one) => text.startsWith(one))],
  ["endswith", (text, end) => alternatives(end).some((one) => text.endsWith(one))],
  ["split", (text, separator, most) => split(text, { separator, most, fromEnd: false })],
  ["rsplit", (text, separator, most) => split(text, { separator, most, fromEnd: true })],
  ["splitlines", (text) => splitLines(text)],
  ["partition", (text, separator) => partition(text, text.indexOf(textOf(separator)), textOf(separator))],
  ["replace", (text, ...args) => replaceArguments(text, args)],
  ["find", (text, part) => placeOf(text, text.indexOf(textOf(part)))],
  ["rfind", (text, part) => placeOf(text, text.lastIndexOf(textOf(part)))],
  ["index", (text, part) => placeOf(text, found(text.indexOf(textOf(part))))],
  ["count", (text, part) => count(text, textOf(part))],
  ["join", (text, parts) => alternatives(parts).join(text)],
  ["removeprefix", (text, part) => (text.startsWith(textOf(part)) ? text.slice(textOf(part).length) : text)],
  ["removesuffix", (text, part) => withoutEnd(text, textOf(part))],
  ["isdigit", (text) => /^\p{Nd}+$/u.test(text)],
  ["isnumeric", (text) => /^\p{N}+$/u.test(text)],
  ["isalpha", (text) => /^\p{L}+$/u.test(text)],
  ["isalnum", (text) => /^[\p{L}\p{N}]+$/u.test(text)],
  ["isspace", (text) => text !== "" && Array.from(text).every(isSpace)],
  ["isupper", (text) => /\p{Lu}/u.test(text) && text === text.toUpperCase()],
  ["islower", (text) => /\p{Ll}/u.test(text) && text === text.toLowerCase()],
  ["ljust", (text, width) => text + padding(text, width)],
  ["rjust", (text, width) => padding(text, width) + text],
  [
    "zfill",
    (text, width) => text.replace(/^[-+]?/, (sign) => sign + "0".repeat(padding(text, width).length)),
  ],
]);

/** The first letter large, the others small. */
export function capitalize(word: string): string {
  const [first = "", ...rest] = word;
  return first.toUpperCase() + rest.join("").toLowerCase();
}

/** Takes white space, or some characters, off one or both ends. */
export function strip(
  text: string,
  { start, end, chars }: { readonly start: boolean; readonly end: boolean; readonly chars?: unknown },
): string {
  const wanted = typeof chars === "string" ? new Set(chars) : undefined;
  const isStripped = (point: string): boolean => wanted?.has(point) ?? isSpace(point);
  let first = 0;
  for (const limit = start ? text.length : 0; first < limit;) {
    const point = String.fromCodePoint(text.codePointAt(first) ?? 0);
    if (!isStripped(point)) {
      break;
    }
    first += point.length;
  }
  let last = text.length;
  for (const limit = end ? first : text.length; last > limit;) {
    const point = text.slice(isLowHalf(text, last - 1) ? last - 2 : last - 1, last);
    if (!isStripped(point)) {
      break;
    }
    last -= point.length;
  }
  return text.slice(first, last);
}

/** Replaces every occurrence, or the first `most`. */
export function replace(
  text: string,
  { from, to, most }: { readonly from: string; readonly to: string; readonly most?: unknown },
): string {
  // With the flag, an empty text is found between code points, not between halves of one.
  const wanted = from === "" ? /(?:)/gu : from;
  let left = typeof most === "number" && most >= 0 ? most : Infinity;
  return text.replaceAll(wanted, () => {
    left -= 1;
    return left >= 0 ? to : from;
  });
}

function replaceArguments(text: string, [from, to, most]: readonly unknown[]): string {
  return replace(text, { from: textOf(from), to: textOf(to), most });
}

interface SplitOptions {
  readonly separator: unknown;
  readonly most: unknown;
  readonly fromEnd: boolean;
}

function split(text: string, { separator, most, fromEnd }: SplitOptions): string[] {
  const limit = typeof most === "number" && most >= 0 ? most : Infinity;
  if (separator === undefined || separator === null) {
    return splitSpaces(text, limit, fromEnd);
  }
  const glue = textOf(separator);
  if (glue === "") {
    throw new Error("wanted a separator that is not empty");
  }
  const parts = text.split(glue);
  if (parts.length <= limit + 1) {
    return parts;
  }
  return fromEnd
    ? [parts.slice(0, parts.length - limit).join(glue), ...parts.slice(parts.length - limit)]
    : [...parts.slice(0, limit), parts.slice(limit).join(glue)];
}

/** Splits at runs of white space; what is left beyond the limit keeps its own. */
function splitSpaces(text: string, limit: number, fromEnd: boolean): string[] {
  const words = [...text.matchAll(WORD)];
  const texts = words.map(([word]) => word);
  if (words.length <= limit) {
    return texts;
  }
  if (!fromEnd) {
    return [...texts.slice(0, limit), text.slice(words[limit]?.index)];
  }
  const last = words.length - limit - 1;
  const end = (words[last]?.index ?? 0) + (texts[last]?.length ?? 0);
  return [text.slice(0, end), ...texts.slice(last + 1)];
}

function count(text: string, part: string): number {
  return part === "" ? Array.from(text).length + 1 : text.split(part).length - 1;
}

/** Splits at every kind of line break; the last line may lack one. */
export function splitLines(text: string): string[] {
  const lines = text.split(LINE_END);
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

function partition(text: string, at: number, separator: string): string[] {
  return at < 0 ? [text, "", ""] : [text.slice(0, at), separator, text.slice(at + separator.length)];
}

function withoutEnd(text: string, part: string): string {
  return part !== "" && text.endsWith(part) ? text.slice(0, -part.length) : text;
}

function padding(text: string, width: unknown): string {
  if (typeof width !== "number" || width > MAX_WIDTH) {
    throw new Error(`wanted a width of at most ${MAX_WIDTH}, found ${String(width)}`);
  }
  return " ".repeat(Math.max(0, width - Array.from(text).length));
}

/** Code points before a place in UTF-16; −1 stays. */
function placeOf(text: string, at: number): number {
  return at < 0 ? at : pointCount(text.slice(0, at));
}

/** How many code points a text has. */
export function pointCount(text: string): number {
  let points = text.length;
  for (let at = 1; at < text.length; at += 1) {
    if (isLowHalf(text, at)) {
      points -= 1;
    }
  }
  return points;
}

/** Whether the second half of a code point stands at a place. */
function isLowHalf(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff && (text.codePointAt(at - 1) ?? 0) > 0xffff;
}

function found(at: number): number {
  if (at < 0) {
    throw new Error("wanted a text that has the part, found none");
  }
  return at;
}

function textOf(value: unknown): string {
  if (typeof value !== "string") {
    throw new TypeError(`wanted a text, found ${value === null ? "none" : typeof value}`);
  }
  return value;
}

function alternatives(value: unknown): string[] {
  return Array.isArray(value) ? value.map(textOf) : [textOf(value)];
}
