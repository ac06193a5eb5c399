import { filter, integerArgument, listOf, type FilterTable } from "./filter-support.ts";
import { Dict } from "../values/dict.ts";
import { sortBy } from "./list-filters.ts";
import { lengthOf, iterate } from "../values/iterate.ts";
import { absolute, filesize, round, toFloat, toInt } from "./number-filters.ts";
import { pythonJson } from "../values/python-json.ts";
import type { Rendering } from "../values/rendering.ts";
import { TemplateError } from "../values/template-error.ts";
import { isTrue } from "../values/truth.ts";
import { DictView, Iteration, Tuple, typeName, Undefined, type Value } from "../values/values.ts";

type Arguments = readonly (Value | undefined)[];

const defaultValue = (value: Value, [fallback = "", isAny = false]: Arguments): Value =>
  value instanceof Undefined || (isTrue(isAny) && !isTrue(value)) ? fallback : value;

/** Filters of numbers, mappings and any value. */
export const valueFilters: FilterTable = [
  filter("default", ["default_value", "boolean"], defaultValue),
  filter("d", ["default_value", "boolean"], defaultValue),
  filter("tojson", ["ensure_ascii", "indent", "separators", "sort_keys"], toJson),
  filter("attr", ["name!"], attribute),
  filter("items", [], items),
  filter("dictsort", ["case_sensitive", "by", "reverse"], dictSort),
  filter("abs", [], absolute),
  filter("int", ["default", "base"], toInt),
  filter("float", ["default"], toFloat),
  filter("round", ["precision", "method"], round),
  filter("filesizeformat", ["binary"], filesize),
  filter("xmlattr", ["autospace"], xmlAttributes),
];

function toJson(value: Value, args: Arguments, { budget }: Rendering): Value {
  const [ascii = false, indent = null, separators = null, sorted = false] = args;
  const [item, key] = separators === null ? [] : [...iterate(separators)];
  if (
    separators !== null &&
    (lengthOf(separators) !== 2 || typeof item !== "string" || typeof key !== "string")
  ) {
    throw new TemplateError("separators: expected two strings, got others");
  }
  return pythonJson(
    value,
    {
      indent: indentOf(indent, budget),
      itemSeparator: typeof item === "string" ? item : indent === null ? ", " : ",",
      keySeparator: typeof key === "string" ? key : ": ",
      isAscii: isTrue(ascii),
      hasSortedKeys: isTrue(sorted),
    },
    budget,
  );
}

function indentOf(indent: Value, budget: Rendering["budget"]): string | undefined {
  if (indent === null || typeof indent === "string") return indent ?? undefined;
  const width = Math.max(0, integerArgument(indent, 0));
  budget.makeText(width);
  return " ".repeat(width);
}

/** Unlike `value.name`, it finds no item of a mapping. */
function attribute(value: Value, [name = ""]: Arguments, rendering: Rendering): Value {
  const text = rendering.text(name);
  const found = rendering.attribute(value instanceof Dict ? new Dict() : value, text);
  return found instanceof Undefined ? found : rendering.attribute(value, text);
}

function items(value: Value): Value {
  if (value instanceof Undefined) return new Iteration([]);
  if (!(value instanceof Dict)) {
    // As in Jinja, a generator that fails when it is iterated.
    return new Iteration(throwing(new TemplateError("Can only get item pairs from a mapping.")));
  }
  return new Iteration(iterate(new DictView(value, "items")));
}

// oxlint-disable-next-line require-yield -- it only fails
function* throwing(error: Error): Generator<Value> {
  throw error;
}

function dictSort(value: Value, args: Arguments, rendering: Rendering): Value {
  const [caseSensitive = false, by = "key", reversed = false] = args;
  if (value instanceof Undefined) throw value.error();
  if (!(value instanceof Dict)) {
    throw new TemplateError(`expected a dict to sort, got '${typeName(value)}'`);
  }
  if (by !== "key" && by !== "value") throw new TemplateError('You can only sort by either "key" or "value"');
  const pairs = listOf(new DictView(value, "items"), rendering);
  const keyOf = (pair: Value): Value => {
    const part = pair instanceof Tuple ? pair.items[by === "key" ? 0 : 1] : undefined;
    return typeof part === "string" && !isTrue(caseSensitive) ? part.toLowerCase() : (part ?? null);
  };
  return sortBy(pairs, keyOf, { isReversed: isTrue(reversed), rendering });
}

function xmlAttributes(value: Value, [hasSpace = true]: Arguments, rendering: Rendering): Value {
  if (!(value instanceof Dict)) throw new TemplateError(`expected a dict, got '${typeName(value)}'`);
  const escape = (part: Value): string =>
    rendering.text(rendering.filter("escape", part, { positional: [], named: new Map() }));
  const parts: string[] = [];
  for (const [name, each] of value.entries()) {
    rendering.budget.step();
    if (each === null || each instanceof Undefined) continue;
    if (typeof name !== "string") {
      throw new TemplateError(`expected names that are str, got '${typeName(name)}'`);
    }
    if (/[\s/>=]/.test(name)) throw new TemplateError("Invalid character in attribute name");
    parts.push(`${escape(name)}="${escape(each)}"`);
  }
  const text = parts.join(" ");
  return rendering.budget.text(isTrue(hasSpace) && text !== "" ? ` ${text}` : text);
}
