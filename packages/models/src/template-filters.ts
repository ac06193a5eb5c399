import { FilterArguments } from "./filter-arguments.ts";
import { toJinjaFloat, toJinjaList, toJinjaTuple, toJinjaValue } from "./jinja-library.ts";
import type { JinjaValue } from "./jinja-library.ts";
import { pythonJson } from "./python-json.ts";
import {
  entriesOf,
  isTrue,
  itemsOf,
  kindOf,
  nounOf,
  pythonCompare,
  pythonEquals,
  pythonText,
} from "./python-values.ts";
import { passesTest } from "./template-tests.ts";
import { capitalize, pointCount, replace, splitLines, strip } from "./text-methods.ts";

type Filter = (value: JinjaValue, args: FilterArguments) => JinjaValue;
type TextFilter = (text: string, args: FilterArguments) => string;
type ListFilter = (items: readonly JinjaValue[], args: FilterArguments) => JinjaValue;

const MAX_INDENT = 256;
const NOTHING = toJinjaValue(undefined);
const HTML: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "'": "&#39;",
  '"': "&#34;",
};

const onText =
  (filter: TextFilter): Filter =>
  (value, args) =>
    toJinjaValue(filter(softText(value), args));
const onList =
  (filter: ListFilter): Filter =>
  (value, args) =>
    filter(iterated(value), args);
const escapeHtml = onText((text) => text.replaceAll(/[&<>'"]/g, (sign) => HTML[sign] ?? sign));
const length: Filter = (value) => toJinjaValue(lengthOf(value));
const fallBack: Filter = (value, args) => {
  const isMissing = value.type === "UndefinedValue" || (args.flag(1, "boolean") && !isTrue(value));
  return isMissing ? (args.get(0, "default_value") ?? toJinjaValue("")) : value;
};

/** @see https://jinja.palletsprojects.com/en/stable/templates/#builtin-filters */
const FILTERS: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ["safe", (value) => value],
  ["default", fallBack],
  ["d", fallBack],
  ["tojson", (value, args) => toJinjaValue(toJson(value, args))],
  ["string", (value) => toJinjaValue(pythonText(value))],
  ["length", length],
  ["count", length],
  ["upper", onText((text) => text.toUpperCase())],
  ["lower", onText((text) => text.toLowerCase())],
  ["capitalize", onText(capitalize)],
  ["title", onText((text) => text.replaceAll(/[^-\s({[<]+/gu, capitalize))],
  [
    "trim",
    onText((text, args) => strip(text, { start: true, end: true, chars: args.get(0, "chars")?.value })),
  ],
  ["replace", onText(replaceText)],
  ["indent", onText(indent)],
  ["escape", escapeHtml],
  ["e", escapeHtml],
  ["wordcount", (value) => toJinjaValue(softText(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)],
  ["int", (value, args) => toInteger(value, args)],
  ["float", (value, args) => toFloat(value, args)],
  ["abs", (value) => sameKind(value, Math.abs(numberOf(value)))],
  ["round", (value, args) => toJinjaFloat(round(numberOf(value), args))],
  ["list", onList(toJinjaList)],
  ["first", onList((items) => items[0] ?? NOTHING)],
  ["last", onList((items) => items.at(-1) ?? NOTHING)],
  ["reverse", (value) => reverse(value)],
  ["join", onList(join)],
  ["sort", onList((items, args) => toJinjaList(sorted(items, args)))],
  ["unique", onList((items) => toJinjaList(unique(items)))],
  ["sum", onList(sum)],
  ["max", onList((items) => extreme(items, 1))],
  ["min", onList((items) => extreme(items, -1))],
  ["map", onList((items, args) => toJinjaList(items.map((item) => mapped(item, args))))],
  ["select", onList((items, args) => toJinjaList(items.filter((item) => passes(item, args))))],
  ["reject", onList((items, args) => toJinjaList(items.filter((item) => !passes(item, args))))],
  ["selectattr", onList((items, args) => toJinjaList(items.filter((item) => attributePasses(item, args))))],
  ["rejectattr", onList((items, args) => toJinjaList(items.filter((item) => !attributePasses(item, args))))],
  ["items", (value) => pairs(value.type === "UndefinedValue" ? [] : [...mappingOf(value)])],
  ["dictsort", (value, args) => pairs(sortedEntries(value, args))],
]);

/** Applies a filter of Jinja by its name, as Python has it. */
export function applyNamedFilter(name: string, value: JinjaValue, args: FilterArguments): JinjaValue {
  const filter = FILTERS.get(name);
  if (filter === undefined) {
    throw new Error(`wanted a filter that is known, found "${name}"`);
  }
  return filter(value, args);
}

/** The values that a loop over a value takes. */
export function iterated(value: JinjaValue): readonly JinjaValue[] {
  switch (kindOf(value)) {
    case "list":
      return itemsOf(value);
    case "mapping":
      return Array.from(entriesOf(value).keys(), toJinjaValue);
    case "text":
      return Array.from(String(value.value), toJinjaValue);
    case "undefined":
      return [];
    case "none":
    case "number":
    case "other":
      throw new Error(`wanted something to loop over, found ${pythonText(value)}`);
  }
}

/** How many code points, items or names a value has. */
function lengthOf(value: JinjaValue): number {
  if (kindOf(value) === "number" || kindOf(value) === "none" || kindOf(value) === "other") {
    throw new Error(`wanted something that has a length, found ${nounOf(value)}`);
  }
  return value.type === "StringValue" ? pointCount(String(value.value)) : iterated(value).length;
}

/** The value of an attribute, a path of them with dots, or a place. */
function attributeOf(value: JinjaValue, path: string | number): JinjaValue {
  let current = value;
  for (const name of String(path).split(".")) {
    const isPlace = /^\d+$/.test(name) && kindOf(current) === "list";
    current = (isPlace ? itemsOf(current)[Number(name)] : entriesOf(current).get(name)) ?? NOTHING;
  }
  return current;
}

/** Lists and mappings in place of a text are refused: no model was made for how Python prints them. */
function softText(value: JinjaValue): string {
  if (kindOf(value) === "list" || kindOf(value) === "mapping") {
    throw new TypeError(`wanted a text, found ${nounOf(value)}`);
  }
  return pythonText(value);
}

function mappingOf(value: JinjaValue): ReadonlyMap<string, JinjaValue> {
  if (kindOf(value) !== "mapping") {
    throw new Error(`wanted a mapping, found ${nounOf(value)}`);
  }
  return entriesOf(value);
}

function pairs(entries: readonly (readonly [string, JinjaValue])[]): JinjaValue {
  return toJinjaList(entries.map(([name, item]) => toJinjaTuple([toJinjaValue(name), item])));
}

function toJson(value: JinjaValue, args: FilterArguments): string {
  const given = args.get(0, "indent")?.value;
  const indent =
    typeof given === "number" ? Math.min(given, MAX_INDENT) : typeof given === "string" ? given : undefined;
  const separators = args.named.get("separators");
  const [item, key] =
    separators === undefined ? [] : itemsOf(separators).map(({ value: text }) => String(text));
  return pythonJson(value, {
    indent,
    itemSeparator: item ?? (indent === undefined ? ", " : ","),
    keySeparator: key ?? ": ",
    isAscii: args.flag(1, "ensure_ascii"),
    hasSortedKeys: args.flag(3, "sort_keys"),
  });
}

function replaceText(text: string, args: FilterArguments): string {
  const from = softText(args.get(0, "old") ?? NOTHING);
  const to = softText(args.get(1, "new") ?? NOTHING);
  return replace(text, { from, to, most: args.get(2, "count")?.value });
}

function indent(text: string, args: FilterArguments): string {
  const width = args.get(0, "width")?.value;
  const margin =
    typeof width === "string" ? width : " ".repeat(Math.min(args.integer(0, "width", 4), MAX_INDENT));
  const [hasFirst, hasBlank] = [args.flag(1, "first"), args.flag(2, "blank")];
  return splitLines(`${text}\n`)
    .map((line, index) => ((index === 0 ? hasFirst : hasBlank || line !== "") ? margin + line : line))
    .join("\n");
}

function numberOf(value: JinjaValue): number {
  if (kindOf(value) !== "number") {
    throw new Error(`wanted a number, found ${nounOf(value)}`);
  }
  return Number(value.value);
}

function sameKind(value: JinjaValue, number: number): JinjaValue {
  return value.type === "FloatValue" ? toJinjaFloat(number) : toJinjaValue(number);
}

function parsed(value: JinjaValue): number {
  if (value.type === "UndefinedValue") {
    throw new Error("wanted a number, found undefined");
  }
  const isNumeric = /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*$/.test(String(value.value));
  return kindOf(value) === "number" || (value.type === "StringValue" && isNumeric)
    ? Number(value.value)
    : Number.NaN;
}

function toInteger(value: JinjaValue, args: FilterArguments): JinjaValue {
  const number = Math.trunc(parsed(value));
  return Number.isFinite(number) ? toJinjaValue(number) : (args.get(0, "default") ?? toJinjaValue(0));
}

function toFloat(value: JinjaValue, args: FilterArguments): JinjaValue {
  const number = parsed(value);
  return Number.isNaN(number) ? (args.get(0, "default") ?? toJinjaFloat(0)) : toJinjaFloat(number);
}

/** Halves go to the even neighbour, as in Python. */
function round(number: number, args: FilterArguments): number {
  const scale = 10 ** args.integer(0, "precision", 0);
  const scaled = number * scale;
  const method = args.text(1, "method", "common");
  if (method !== "common") {
    return (method === "ceil" ? Math.ceil(scaled) : Math.floor(scaled)) / scale;
  }
  const below = Math.floor(scaled);
  const isHalf = scaled - below === 0.5;
  return (isHalf ? below + Math.abs(below % 2) : Math.round(scaled)) / scale;
}

function reverse(value: JinjaValue): JinjaValue {
  const items = iterated(value).toReversed();
  return value.type === "StringValue" ? toJinjaValue(items.map(pythonText).join("")) : toJinjaList(items);
}

function join(items: readonly JinjaValue[], args: FilterArguments): JinjaValue {
  const attribute = args.get(1, "attribute");
  const parts =
    attribute === undefined ? items : items.map((item) => attributeOf(item, pythonText(attribute)));
  return toJinjaValue(parts.map(pythonText).join(args.text(0, "d", "")));
}

function sortKey(value: JinjaValue, isCaseSensitive: boolean): JinjaValue {
  return value.type === "StringValue" && !isCaseSensitive
    ? toJinjaValue(String(value.value).toLowerCase())
    : value;
}

function sorted(items: readonly JinjaValue[], args: FilterArguments): JinjaValue[] {
  const attribute = args.get(2, "attribute");
  const isCaseSensitive = args.flag(1, "case_sensitive");
  const direction = args.flag(0, "reverse") ? -1 : 1;
  const keyOf = (item: JinjaValue): JinjaValue =>
    sortKey(attribute === undefined ? item : attributeOf(item, pythonText(attribute)), isCaseSensitive);
  return items.toSorted((a, b) => direction * pythonCompare(keyOf(a), keyOf(b)));
}

function sortedEntries(value: JinjaValue, args: FilterArguments): (readonly [string, JinjaValue])[] {
  const isCaseSensitive = args.flag(0, "case_sensitive");
  const byValue = args.text(1, "by", "key") === "value";
  const direction = args.flag(2, "reverse") ? -1 : 1;
  const keyOf = ([name, item]: readonly [string, JinjaValue]): JinjaValue =>
    sortKey(byValue ? item : toJinjaValue(name), isCaseSensitive);
  return [...mappingOf(value)].toSorted((a, b) => direction * pythonCompare(keyOf(a), keyOf(b)));
}

function unique(items: readonly JinjaValue[]): JinjaValue[] {
  const seen = new Map<string, JinjaValue[]>();
  return items.filter((item) => {
    const key = pythonText(sortKey(item, false));
    const alike = seen.get(key) ?? [];
    const isNew = !alike.some((other) => pythonEquals(sortKey(other, false), sortKey(item, false)));
    seen.set(key, isNew ? [...alike, item] : alike);
    return isNew;
  });
}

function sum(items: readonly JinjaValue[], args: FilterArguments): JinjaValue {
  const attribute = args.get(0, "attribute");
  const numbers =
    attribute === undefined ? items : items.map((item) => attributeOf(item, pythonText(attribute)));
  const total = numbers.reduce((result, item) => result + numberOf(item), 0);
  return numbers.some(({ type }) => type === "FloatValue") ? toJinjaFloat(total) : toJinjaValue(total);
}

function extreme(items: readonly JinjaValue[], direction: number): JinjaValue {
  let best = items[0] ?? NOTHING;
  for (const item of items) {
    best = direction * pythonCompare(sortKey(item, false), sortKey(best, false)) > 0 ? item : best;
  }
  return best;
}

function mapped(item: JinjaValue, args: FilterArguments): JinjaValue {
  const attribute = args.named.get("attribute");
  if (attribute !== undefined) {
    const value = attributeOf(item, pythonText(attribute));
    return value.type === "UndefinedValue" ? (args.named.get("default") ?? value) : value;
  }
  const name = args.positional[0];
  return applyNamedFilter(name === undefined ? "" : pythonText(name), item, args.from(1));
}

/** A test by its name and what it compares with; without a name, whether the value is true. */
function passes(value: JinjaValue, args: FilterArguments): boolean {
  const name = args.positional[0];
  return name === undefined ? isTrue(value) : passesTest(pythonText(name), value, args.positional[1]);
}

function attributePasses(item: JinjaValue, args: FilterArguments): boolean {
  return passes(attributeOf(item, pythonText(args.positional[0] ?? NOTHING)), args.from(1));
}
