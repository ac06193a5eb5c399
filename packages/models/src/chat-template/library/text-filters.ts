import type { Budget } from "../values/budget.ts";
import { pointCount } from "../values/code-points.ts";
import { Dict } from "../values/dict.ts";
import { filter, integerArgument, type FilterRun, type FilterTable } from "./filter-support.ts";
import { formatPercent } from "../operations/format-percent.ts";
import { isIterable, iterate, lengthOf } from "../values/iterate.ts";
import type { Rendering } from "../values/rendering.ts";
import { sliceOf } from "../operations/slice.ts";
import { split, splitLines } from "../operations/split-text.ts";
import { strip } from "../operations/strip-text.ts";
import { TemplateError } from "../values/template-error.ts";
import { capitalize } from "../operations/text-case.ts";
import { padText, replace } from "../operations/text-methods.ts";
import { isTrue } from "../values/truth.ts";
import { Tuple, typeName, Undefined, type Value } from "../values/values.ts";

type Arguments = readonly (Value | undefined)[];

const html: ReadonlyMap<string, string> = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ["'", "&#39;"],
  ['"', "&#34;"],
]);
const escape = onText((text) => text.replaceAll(/[&<>'"]/g, (sign) => html.get(sign) ?? sign));

/** Filters of strings; other values are converted as printed. */
export const textFilters: FilterTable = [
  filter(
    "upper",
    [],
    onText((text) => text.toUpperCase()),
  ),
  filter(
    "lower",
    [],
    onText((text) => text.toLowerCase()),
  ),
  filter("capitalize", [], onText(capitalize)),
  filter(
    "title",
    [],
    onText((text) => text.replaceAll(/[^-\s({[<]+/gu, capitalize)),
  ),
  filter(
    "trim",
    ["chars"],
    onText((text, [chars]) => strip(text, { start: true, end: true, chars: charsOf(chars) })),
  ),
  filter("replace", ["old!", "new!", "count"], onText(replaceText)),
  filter("indent", ["width", "first", "blank"], indent),
  filter("escape", [], escape),
  filter("e", [], escape),
  filter("forceescape", [], escape),
  filter(
    "safe",
    [],
    onText((text) => text),
  ),
  filter(
    "string",
    [],
    onText((text) => text),
  ),
  filter(
    "center",
    ["width"],
    onText((text, [width], rendering) =>
      padText(text, { width: integerArgument(width, 80), fill: " ", left: 0.5 }, rendering),
    ),
  ),
  filter("truncate", ["length", "killwords", "end", "leeway"], truncate),
  filter(
    "wordcount",
    [],
    (value, _, rendering) => rendering.text(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0,
  ),
  filter("urlencode", [], urlEncode),
  filter(
    "striptags",
    [],
    onText((text, _, { budget }) =>
      split(withoutTags(text), { separator: undefined, maxSplits: -1, fromEnd: false }, budget).join(" "),
    ),
  ),
  [
    "format",
    (value, { positional, named }, rendering) => {
      if (positional.length > 0 && named.size > 0) {
        throw new TemplateError("can't handle positional and keyword arguments at the same time");
      }
      return formatPercent(
        rendering.text(value),
        named.size > 0 ? new Dict(named) : new Tuple(positional),
        rendering.budget,
      );
    },
  ],
];

function onText(run: (text: string, args: Arguments, rendering: Rendering) => string): FilterRun {
  return (value, args, rendering) => rendering.budget.text(run(rendering.text(value), args, rendering));
}

function charsOf(chars: Value | undefined): string | undefined {
  if (chars === undefined || chars === null) return undefined;
  if (typeof chars !== "string") throw new TemplateError(`expected a str, got '${typeName(chars)}'`);
  return chars;
}

function replaceText(text: string, [from = "", to = "", count]: Arguments, rendering: Rendering): string {
  const maxCount = count === null ? -1 : integerArgument(count, -1);
  return replace(text, { from: rendering.text(from), to: rendering.text(to), maxCount }, rendering);
}

function indent(
  value: Value,
  [width = 4, first = false, blank = false]: Arguments,
  { budget }: Rendering,
): Value {
  if (value instanceof Undefined) throw value.error();
  if (typeof value !== "string") {
    throw new TemplateError(`expected a str to indent, got '${typeName(value)}'`);
  }
  const margin = typeof width === "string" ? width : blanks(integerArgument(width, 4), budget);
  const lines = splitLines(`${value}\n`, false, budget);
  budget.makeText(lines.length * margin.length);
  const shown = lines.map((line, index) =>
    (index === 0 ? isTrue(first) : isTrue(blank) || line !== "") ? margin + line : line,
  );
  return budget.text(shown.join("\n"));
}

function blanks(width: number, budget: Budget): string {
  budget.makeText(Math.max(0, width));
  return " ".repeat(Math.max(0, width));
}

function truncate(value: Value, args: Arguments, rendering: Rendering): Value {
  const [length, killsWords = false, end = "...", leeway] = args;
  const maxLength = integerArgument(length, 255);
  const ending = rendering.text(end);
  const slack = leeway === null ? 5 : integerArgument(leeway, 5);
  if (maxLength < pointCount(ending)) {
    throw new TemplateError(`expected length >= ${pointCount(ending)}, got ${maxLength}`);
  }
  if (slack < 0) throw new TemplateError(`expected leeway >= 0, got ${slack}`);
  if ((lengthOf(value) ?? Infinity) <= maxLength + slack) return value;
  if (typeof value !== "string") {
    throw new TemplateError(`expected a str to truncate, got '${typeName(value)}'`);
  }
  const cut = rendering.text(sliceOf(value, [undefined, maxLength - pointCount(ending)], rendering.budget));
  if (isTrue(killsWords)) return cut + ending;
  const space = cut.lastIndexOf(" ");
  return (space < 0 ? cut : cut.slice(0, space)) + ending;
}

function urlEncode(value: Value, _: Arguments, rendering: Rendering): Value {
  if (typeof value === "string" || !isIterable(value)) {
    return rendering.budget.text(quoteUrl(rendering.text(value), false));
  }
  const pairs =
    value instanceof Dict ? [...value.entries()] : Array.from(iterate(value), (pair) => [...iterate(pair)]);
  const parts = pairs.map((pair) => {
    rendering.budget.step();
    if (pair.length !== 2) {
      throw new TemplateError(`expected pairs of a name and a value, got ${pair.length} items`);
    }
    return pair.map((part) => quoteUrl(rendering.text(part), true)).join("=");
  });
  return rendering.budget.text(parts.join("&"));
}

function quoteUrl(text: string, isQuery: boolean): string {
  const quoted = encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, "?")).replaceAll(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return isQuery ? quoted.replaceAll("%20", "+") : quoted.replaceAll("%2F", "/");
}

/** Removes comments, then tags, in one pass each. */
function withoutTags(text: string): string {
  let result = text;
  for (const [open, close] of [
    ["<!--", "-->"],
    ["<", ">"],
  ] as const) {
    const parts: string[] = [];
    let from = 0;
    for (let start = result.indexOf(open); start >= 0; start = result.indexOf(open, from)) {
      const end = result.indexOf(close, start + open.length);
      if (end < 0) break;
      parts.push(result.slice(from, start));
      from = end + close.length;
    }
    result = parts.join("") + result.slice(from);
  }
  return result;
}
