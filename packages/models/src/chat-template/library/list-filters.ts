import { applyArithmetic } from "../operations/arithmetic.ts";
import { identityOf } from "../values/dict.ts";
import { attributeGetter, filter, integerArgument, listOf, type FilterTable } from "./filter-support.ts";
import { iterate, lengthOf } from "../values/iterate.ts";
import type { Rendering } from "../values/rendering.ts";
import { TemplateError } from "../values/template-error.ts";
import { isTrue } from "../values/truth.ts";
import { Iteration, Tuple, typeName, Undefined, valueOr, type Value } from "../values/values.ts";

const length = (value: Value): Value => {
  const found = lengthOf(value);
  if (found === undefined) throw new TemplateError(`object of type '${typeName(value)}' has no len()`);
  return found;
};

/** Filters of lists and other iterables. */
export const listFilters: FilterTable = [
  filter("length", [], length),
  filter("count", [], length),
  filter("list", [], (value, _, rendering) => listOf(value, rendering)),
  filter("first", [], first),
  filter("last", [], last),
  filter("reverse", [], reverse),
  filter("join", ["d", "attribute"], join),
  filter("sort", ["reverse", "case_sensitive", "attribute"], sort),
  filter("unique", ["case_sensitive", "attribute"], unique),
  filter("sum", ["attribute", "start"], sum),
  filter("max", ["case_sensitive", "attribute"], (value, args, rendering) =>
    extreme(value, args, { rendering, direction: 1 }),
  ),
  filter("min", ["case_sensitive", "attribute"], (value, args, rendering) =>
    extreme(value, args, { rendering, direction: -1 }),
  ),
  filter(
    "batch",
    ["linecount!", "fill_with"],
    (value, args, rendering) => new Iteration(batch(value, args, rendering)),
  ),
  filter(
    "slice",
    ["slices!", "fill_with"],
    (value, args, rendering) => new Iteration(slices(value, args, rendering)),
  ),
  filter("groupby", ["attribute!", "default", "case_sensitive"], groupBy),
];

function first(value: Value): Value {
  for (const item of iterate(value)) return item;
  return new Undefined("No first item, sequence was empty.");
}

function last(value: Value, _: unknown, rendering: Rendering): Value {
  if (value instanceof Iteration) throw new TemplateError("'generator' object is not reversible");
  return valueOr(listOf(value, rendering).at(-1), new Undefined("No last item, sequence was empty."));
}

function reverse(value: Value, _: unknown, rendering: Rendering): Value {
  const items = listOf(value, rendering).toReversed();
  if (typeof value === "string") {
    return rendering.budget.text(items.map((item) => rendering.text(item)).join(""));
  }
  return value instanceof Iteration ? items : new Iteration(items);
}

function join(
  value: Value,
  [separator = "", attribute]: readonly (Value | undefined)[],
  rendering: Rendering,
): Value {
  const get = attributeGetter(attribute, rendering);
  const parts: string[] = [];
  for (const item of iterate(value)) {
    rendering.budget.step();
    parts.push(rendering.text(get(item)));
  }
  const between = rendering.text(separator);
  rendering.budget.makeText(between.length * Math.max(0, parts.length - 1));
  return rendering.budget.text(parts.join(between));
}

/** Sorts values by their keys; each comparison is a step. */
export function sortBy(
  values: readonly Value[],
  keyOf: (value: Value) => Value,
  { isReversed, rendering }: { readonly isReversed: boolean; readonly rendering: Rendering },
): Value[] {
  const keyed = values.map((value) => ({ value, key: keyOf(value) }));
  const direction = isReversed ? -1 : 1;
  keyed.sort((a, b) => {
    rendering.budget.step();
    return direction * rendering.comparer.compare(a.key, b.key) || 0;
  });
  return keyed.map(({ value }) => value);
}

function sort(value: Value, args: readonly (Value | undefined)[], rendering: Rendering): Value {
  const [reversed = false, caseSensitive = false, attribute] = args;
  const isFolded = !isTrue(caseSensitive);
  const attributes = typeof attribute === "string" ? attribute.split(",") : [attribute];
  const getters = attributes.map((each) => attributeGetter(each, rendering, { isFolded }));
  return sortBy(listOf(value, rendering), (item) => getters.map((get) => get(item)), {
    isReversed: isTrue(reversed),
    rendering,
  });
}

function unique(
  value: Value,
  [caseSensitive = false, attribute]: readonly (Value | undefined)[],
  rendering: Rendering,
): Value {
  const get = attributeGetter(attribute, rendering, { isFolded: !isTrue(caseSensitive) });
  function* items(): Generator<Value> {
    const seen = new Set<unknown>();
    for (const item of iterate(value)) {
      rendering.budget.step();
      const key = identityOf(get(item));
      if (seen.has(key)) continue;
      seen.add(key);
      yield item;
    }
  }
  return new Iteration(items());
}

function sum(
  value: Value,
  [attribute, start = 0]: readonly (Value | undefined)[],
  rendering: Rendering,
): Value {
  const get = attributeGetter(attribute, rendering);
  if (typeof start === "string") {
    throw new TemplateError("sum() can't sum strings [use ''.join(seq) instead]");
  }
  let total: Value = start;
  for (const item of iterate(value)) {
    rendering.budget.step();
    total = applyArithmetic("+", [total, get(item)], rendering.budget);
  }
  return total;
}

function extreme(
  value: Value,
  [caseSensitive = false, attribute]: readonly (Value | undefined)[],
  { rendering, direction }: { readonly rendering: Rendering; readonly direction: 1 | -1 },
): Value {
  const get = attributeGetter(attribute, rendering, { isFolded: !isTrue(caseSensitive) });
  let best: Value | undefined;
  for (const item of iterate(value)) {
    rendering.budget.step();
    if (best === undefined || direction * rendering.comparer.compare(get(item), get(best)) > 0) best = item;
  }
  return valueOr(best, new Undefined("No aggregated item, sequence was empty."));
}

function* batch(
  value: Value,
  [count, fill]: readonly (Value | undefined)[],
  rendering: Rendering,
): Generator<Value> {
  const size = integerArgument(count, 0);
  let items: Value[] = [];
  for (const item of iterate(value)) {
    rendering.budget.step();
    if (items.length === size) {
      yield items;
      items = [];
    }
    items.push(item);
  }
  if (items.length === 0) return;
  if (fill !== undefined && fill !== null && items.length < size) {
    rendering.budget.makeItems(size);
    while (items.length < size) items.push(fill);
  }
  yield items;
}

function* slices(
  value: Value,
  [count, fill]: readonly (Value | undefined)[],
  rendering: Rendering,
): Generator<Value> {
  const size = integerArgument(count, 1);
  const items = listOf(value, rendering);
  if (size === 0) throw new TemplateError("division by zero");
  const each = Math.floor(items.length / size);
  const longer = items.length % size;
  for (let index = 0, at = 0; index < size; index += 1) {
    rendering.budget.step();
    const part = items.slice(at, at + each + (index < longer ? 1 : 0));
    at += part.length;
    if (fill !== undefined && fill !== null && index >= longer) part.push(fill);
    yield part;
  }
}

function groupBy(value: Value, args: readonly (Value | undefined)[], rendering: Rendering): Value {
  const [attribute, fallback, caseSensitive = false] = args;
  const keyOf = attributeGetter(attribute, rendering, { fallback, isFolded: !isTrue(caseSensitive) });
  const shown = attributeGetter(attribute, rendering, { fallback });
  const groups: { readonly key: Value; readonly items: Value[] }[] = [];
  for (const item of sortBy(listOf(value, rendering), keyOf, { isReversed: false, rendering })) {
    const key = keyOf(item);
    const group = groups.at(-1);
    if (group !== undefined && rendering.comparer.equals(group.key, key)) group.items.push(item);
    else groups.push({ key, items: [item] });
  }
  return groups.map(({ items }) => new Tuple([shown(items[0] ?? null), items], ["grouper", "list"]));
}
