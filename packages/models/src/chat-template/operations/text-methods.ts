import type { CallArguments } from "../values/call-arguments.ts";
import { bindArguments } from "../values/call-arguments.ts";
import { isNarrow, pointCount } from "../values/code-points.ts";
import { Dict } from "../values/dict.ts";
import { formatFields } from "./format-text.ts";
import { iterate } from "../values/iterate.ts";
import type { Rendering } from "../values/rendering.ts";
import { split, splitLines } from "./split-text.ts";
import { strip } from "./strip-text.ts";
import { TemplateError } from "../values/template-error.ts";
import { capitalize, classTests, swapCase, titleCase } from "./text-case.ts";
import { isTrue } from "../values/truth.ts";
import { isInteger, toNumber, Tuple, typeName, type Value } from "../values/values.ts";

type TextMethod = (text: string, args: CallArguments, rendering: Rendering) => Value;

const simple =
  (run: (text: string) => Value): TextMethod =>
  (text, args) => {
    bindArguments(args, { name: "str", parameters: [] });
    return run(text);
  };

/**
 * Python's methods of `str`. Indices and lengths count code points.
 * @see https://docs.python.org/3/library/stdtypes.html#string-methods
 */
export const textMethods: ReadonlyMap<string, TextMethod> = new Map<string, TextMethod>([
  ["strip", (text, args) => strip(text, { start: true, end: true, chars: charsOf(args) })],
  ["lstrip", (text, args) => strip(text, { start: true, end: false, chars: charsOf(args) })],
  ["rstrip", (text, args) => strip(text, { start: false, end: true, chars: charsOf(args) })],
  ["upper", simple((text) => text.toUpperCase())],
  ["lower", simple((text) => text.toLowerCase())],
  ["casefold", simple((text) => text.toLowerCase().replaceAll("ß", "ss"))],
  ["title", simple(titleCase)],
  ["capitalize", simple(capitalize)],
  ["swapcase", simple(swapCase)],
  ...[...classTests].map(([name, test]) => [name, simple(test)] as const),
  ["startswith", (text, args) => affixes(text, args, (part, affix) => part.startsWith(affix))],
  ["endswith", (text, args) => affixes(text, args, (part, affix) => part.endsWith(affix))],
  ["split", (text, args, { budget }) => split(text, { ...splitRules(args), fromEnd: false }, budget)],
  ["rsplit", (text, args, { budget }) => split(text, { ...splitRules(args), fromEnd: true }, budget)],
  ["splitlines", splitAtLines],
  ["partition", (text, args) => partition(text, args, false)],
  ["rpartition", (text, args) => partition(text, args, true)],
  ["replace", (text, args, rendering) => replaceArguments(text, args, rendering)],
  ["find", (text, args) => findPart(text, args, false)],
  ["rfind", (text, args) => findPart(text, args, true)],
  ["index", (text, args) => assertFound(findPart(text, args, false))],
  ["rindex", (text, args) => assertFound(findPart(text, args, true))],
  ["count", countParts],
  ["join", join],
  ["removeprefix", (text, args) => withoutPrefix(text, onlyText(args))],
  ["removesuffix", (text, args) => withoutSuffix(text, onlyText(args))],
  ["ljust", (text, args, rendering) => pad(text, args, { rendering, left: 0 })],
  ["rjust", (text, args, rendering) => pad(text, args, { rendering, left: 1 })],
  ["center", (text, args, rendering) => pad(text, args, { rendering, left: 0.5 })],
  ["zfill", zeroFill],
  ["expandtabs", expandTabs],
  ["format", formatFields],
  ["format_map", (text, args, rendering) => formatMapping(text, args, rendering)],
]);

/** Replaces every occurrence, or the first `maxCount`. */
export function replace(
  text: string,
  { from, to, maxCount }: { readonly from: string; readonly to: string; readonly maxCount: number },
  { budget }: Rendering,
): string {
  let left = maxCount < 0 ? Infinity : maxCount;
  const count =
    from === "" ? text.length + 1 : to.length > from.length ? Math.floor(text.length / from.length) : 0;
  budget.step(Math.floor(count / 256));
  if (from !== "" && left === Infinity) {
    // The length is known before the text is made.
    if (to.length > from.length) budget.makeText((text.split(from).length - 1) * (to.length - from.length));
    return budget.text(text.replaceAll(from, () => to));
  }
  if (from === "") budget.makeText(Math.min(left, count) * to.length);
  // With the flag `u`, an empty match is between code points, not between surrogates.
  const result = text.replaceAll(from === "" ? /(?:)/gu : from, () => {
    left -= 1;
    return left >= 0 ? to : from;
  });
  return budget.text(result);
}

function replaceArguments(text: string, args: CallArguments, rendering: Rendering): string {
  const [from, to, count] = bindArguments(args, {
    name: "replace",
    parameters: ["old", "new", "count"],
    required: 2,
  });
  return replace(text, { from: textOf(from), to: textOf(to), maxCount: integerOf(count, -1) }, rendering);
}

function charsOf(args: CallArguments): string | undefined {
  const [chars] = bindArguments(args, { name: "strip", parameters: ["chars"] });
  return chars === undefined || chars === null ? undefined : textOf(chars);
}

function splitRules(args: CallArguments): {
  readonly separator: string | undefined;
  readonly maxSplits: number;
} {
  const [separator, maxSplits] = bindArguments(args, { name: "split", parameters: ["sep", "maxsplit"] });
  return {
    separator: separator === undefined || separator === null ? undefined : textOf(separator),
    maxSplits: integerOf(maxSplits, -1),
  };
}

function splitAtLines(text: string, args: CallArguments, { budget }: Rendering): Value {
  const [keepsEnds = false] = bindArguments(args, { name: "splitlines", parameters: ["keepends"] });
  return splitLines(text, isTrue(keepsEnds), budget);
}

function partition(text: string, args: CallArguments, fromEnd: boolean): Value {
  const separator = onlyText(args);
  if (separator === "") throw new TemplateError("empty separator");
  const at = fromEnd ? text.lastIndexOf(separator) : text.indexOf(separator);
  if (at < 0) return new Tuple(fromEnd ? ["", "", text] : [text, "", ""]);
  return new Tuple([text.slice(0, at), separator, text.slice(at + separator.length)]);
}

/** The part of a text from `start` to `end`, with the code points before it; `undefined` out of range. */
function windowOf(
  text: string,
  args: CallArguments,
): { readonly part: string; readonly start: number } | undefined {
  const [, from, to] = bindArguments(args, {
    name: "str",
    parameters: ["sub", "start", "end"],
    required: 1,
  });
  if ((from === undefined || from === null) && (to === undefined || to === null)) {
    return { part: text, start: 0 };
  }
  const points = isNarrow(text) ? text : Array.from(text);
  const place = (value: Value | undefined, fallback: number): number => {
    const index = integerOf(value, fallback);
    return index < 0 ? Math.max(0, index + points.length) : index;
  };
  const start = place(from, 0);
  const end = Math.min(place(to, points.length), points.length);
  if (start > points.length || start > end) return undefined;
  const part = typeof points === "string" ? points.slice(start, end) : points.slice(start, end).join("");
  return { part, start };
}

function affixes(text: string, args: CallArguments, fits: (part: string, affix: string) => boolean): boolean {
  const window = windowOf(text, args);
  const [affix = null] = args.positional;
  const all = affix instanceof Tuple ? affix.items : [affix];
  return all.map(textOf).some((each) => window !== undefined && fits(window.part, each));
}

function findPart(text: string, args: CallArguments, fromEnd: boolean): number {
  const window = windowOf(text, args);
  const part = textOf(args.positional[0]);
  if (window === undefined) return -1;
  const at = fromEnd ? window.part.lastIndexOf(part) : window.part.indexOf(part);
  return at < 0 ? -1 : window.start + pointCount(window.part.slice(0, at));
}

function assertFound(at: number): number {
  if (at < 0) throw new TemplateError("substring not found");
  return at;
}

function countParts(text: string, args: CallArguments, { budget }: Rendering): number {
  const window = windowOf(text, args);
  const part = textOf(args.positional[0]);
  if (window === undefined) return 0;
  budget.step(Math.floor(window.part.length / 64));
  return part === "" ? pointCount(window.part) + 1 : window.part.split(part).length - 1;
}

function join(separator: string, args: CallArguments, { budget }: Rendering): string {
  const [items = null] = bindArguments(args, { name: "join", parameters: ["iterable"], required: 1 });
  const parts: string[] = [];
  for (const item of iterate(items)) {
    budget.step();
    parts.push(textOf(item));
  }
  budget.makeText(separator.length * Math.max(0, parts.length - 1));
  return budget.text(parts.join(separator));
}

function withoutPrefix(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}

function withoutSuffix(text: string, suffix: string): string {
  return suffix !== "" && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
}

function pad(
  text: string,
  args: CallArguments,
  { rendering, left }: { readonly rendering: Rendering; readonly left: 0 | 0.5 | 1 },
): string {
  const [width, fill] = bindArguments(args, { name: "str", parameters: ["width", "fillchar"], required: 1 });
  return padText(
    text,
    { width: integerOf(width, 0), fill: fill === undefined ? " " : textOf(fill), left },
    rendering,
  );
}

/** Pads a text to a width; `left` is the share of the padding before it. */
export function padText(
  text: string,
  { width, fill, left }: { readonly width: number; readonly fill: string; readonly left: 0 | 0.5 | 1 },
  { budget }: Rendering,
): string {
  if (pointCount(fill) !== 1) {
    throw new TemplateError("The fill character must be exactly one character long");
  }
  const missing = Math.max(0, width - pointCount(text));
  budget.makeText(missing * fill.length + text.length);
  // As in Python: of odd padding, the larger half goes before where the width is odd.
  const before = left === 0.5 ? Math.floor(missing / 2) + (missing & width & 1) : missing * left;
  return fill.repeat(before) + text + fill.repeat(missing - before);
}

function zeroFill(text: string, args: CallArguments, { budget }: Rendering): string {
  const [width] = bindArguments(args, { name: "zfill", parameters: ["width"], required: 1 });
  const missing = Math.max(0, integerOf(width, 0) - pointCount(text));
  budget.makeText(missing + text.length);
  return text.replace(/^[-+]?/, (sign) => sign + "0".repeat(missing));
}

function expandTabs(text: string, args: CallArguments, { budget }: Rendering): string {
  const [given] = bindArguments(args, { name: "expandtabs", parameters: ["tabsize"] });
  const size = Math.max(0, integerOf(given, 8));
  let column = 0;
  const result: string[] = [];
  for (const point of text) {
    budget.step();
    const width = point === "\t" ? (size === 0 ? 0 : size - (column % size)) : 1;
    if (point === "\t") budget.makeText(width);
    result.push(point === "\t" ? " ".repeat(width) : point);
    column = point === "\n" || point === "\r" ? 0 : column + width;
  }
  return budget.text(result.join(""));
}

function formatMapping(text: string, args: CallArguments, rendering: Rendering): string {
  const [mapping] = bindArguments(args, { name: "format_map", parameters: ["mapping"], required: 1 });
  if (!(mapping instanceof Dict)) {
    throw new TemplateError(
      `expected a mapping, got ${mapping === undefined ? "nothing" : typeName(mapping)}`,
    );
  }
  const named = new Map([...mapping.entries()].map(([key, value]) => [rendering.text(key), value]));
  return formatFields(text, { positional: [], named }, rendering);
}

function onlyText(args: CallArguments): string {
  const [text] = bindArguments(args, { name: "str", parameters: ["text"], required: 1 });
  return textOf(text);
}

function integerOf(value: Value | undefined, fallback: number): number {
  if (value === undefined || value === null) return fallback;
  const number = toNumber(value);
  if (number === undefined || !isInteger(number)) {
    throw new TemplateError(`expected an int, got '${typeName(value)}'`);
  }
  return Number(number);
}

function textOf(value: Value | undefined): string {
  if (typeof value !== "string") {
    throw new TemplateError(`expected a str, got '${value === undefined ? "nothing" : typeName(value)}'`);
  }
  return value;
}
