import { allCodePoints, type CodePoints, invertRanges, normalizeRanges } from "../characters/code-points.ts";
import type { Budget } from "../program/budget.ts";
import type { Range } from "../program/expression.ts";
import type { PatternReader } from "./pattern-reader.ts";

const digits: CodePoints = [[0x30, 0x39]];
const wordCharacters: CodePoints = normalizeRanges([
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]);
const spaces: CodePoints = normalizeRanges([
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
]);

/** What `.` matches: everything but line terminators. */
export const dotCharacters: CodePoints = invertRanges([
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
]);

const namedClasses: Readonly<Record<string, CodePoints>> = {
  d: digits,
  D: invertRanges(digits),
  w: wordCharacters,
  W: invertRanges(wordCharacters),
  s: spaces,
  S: invertRanges(spaces),
};

const controlEscapes: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13 };

/** Reads what follows a backslash: a class, or one character. */
export function readEscape(reader: PatternReader, budget: Budget, isInClass: boolean): CodePoints {
  const named = namedClasses[reader.peek()];
  if (named !== undefined) {
    reader.take();
    return named;
  }
  if (reader.peek() === "p" || reader.peek() === "P") return readProperty(reader, budget);
  const point = readEscapedPoint(reader, isInClass);
  return [[point, point]];
}

function readEscapedPoint(reader: PatternReader, isInClass: boolean): number {
  const hex = reader.match(/x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}/y);
  if (hex !== undefined) {
    const unit = Number.parseInt(hex[1] ?? hex[2] ?? hex[3]!, 16);
    if (unit > 0x10ffff) reader.fail("a code point up to 10ffff");
    if (unit < 0xd800 || unit > 0xdfff) return unit;
    const low = unit < 0xdc00 ? reader.match(/\\u([dD][c-fC-F][0-9a-fA-F]{2})/y) : undefined;
    if (low === undefined) reader.unsupported("surrogates in pairs", "an unpaired surrogate");
    return 0x10000 + (unit - 0xd800) * 0x400 + (Number.parseInt(low[1]!, 16) - 0xdc00);
  }
  const control = reader.match(/c([A-Za-z])/y);
  if (control !== undefined) return control[1]!.charCodeAt(0) % 32;
  if (reader.match(/0(?![0-9])/y) !== undefined) return 0;
  if (reader.isAtEnd) reader.fail("a character after the backslash");
  const character = reader.peek();
  if (isInClass && character === "b") {
    reader.take();
    return 8;
  }
  const known = controlEscapes[character];
  if (known === undefined && /[0-9A-Za-z]/.test(character)) {
    const what = /[1-9k]/.test(character) ? "a back reference" : `\\${character}`;
    reader.unsupported("an escape of a character or a class", what);
  }
  reader.take();
  return known ?? character.codePointAt(0)!;
}

function readProperty(reader: PatternReader, budget: Budget): CodePoints {
  const found = reader.match(/[pP]\{([A-Za-z_]+(?:=[A-Za-z_]+)?)\}/y);
  if (found === undefined) reader.fail("a property in braces");
  let expression: RegExp;
  try {
    expression = new RegExp(`\\${found[0]}`, "u");
  } catch {
    reader.fail("a known property of Unicode", JSON.stringify(found[1]));
  }
  budget.spend(20_000);
  return scan(expression);
}

/** Every code point that an expression for one character matches. */
function scan(expression: RegExp): CodePoints {
  const ranges: Range[] = [];
  for (const [low, high] of allCodePoints) {
    let start = -1;
    for (let point = low; point <= high; point += 1) {
      const matches = expression.test(String.fromCodePoint(point));
      if (matches && start === -1) start = point;
      if (!matches && start !== -1) ranges.push([start, point - 1]);
      if (!matches) start = -1;
    }
    if (start !== -1) ranges.push([start, high]);
  }
  return normalizeRanges(ranges);
}

/** Reads a class after its opening bracket. */
export function readClass(reader: PatternReader, budget: Budget): CodePoints {
  const isInverted = reader.skip("^");
  const ranges: Range[] = [];
  while (!reader.skip("]")) {
    if (reader.isAtEnd) reader.fail("a closing ]");
    budget.spend(1);
    const low = readMember(reader, budget);
    const isRange = reader.peek() === "-" && reader.text[reader.position + 1] !== "]";
    if (!isRange || reader.isAtEnd) {
      ranges.push(...low);
      continue;
    }
    reader.take();
    const high = readMember(reader, budget);
    const start = singleOf(low);
    const end = singleOf(high);
    if (start === undefined || end === undefined) ranges.push(...low, [0x2d, 0x2d], ...high);
    else if (start > end) reader.fail("a range in order");
    else ranges.push([start, end]);
  }
  const points = normalizeRanges(ranges);
  return isInverted ? invertRanges(points) : points;
}

function singleOf(points: CodePoints): number | undefined {
  const [first] = points;
  return points.length === 1 && first![0] === first![1] ? first![0] : undefined;
}

function readMember(reader: PatternReader, budget: Budget): CodePoints {
  if (reader.skip("\\")) return readEscape(reader, budget, true);
  if (reader.isAtEnd) reader.fail("a closing ]");
  const point = reader.take().codePointAt(0)!;
  return [[point, point]];
}
