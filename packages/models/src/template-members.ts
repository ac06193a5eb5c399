import type { FilterArguments } from "./filter-arguments.ts";
import { toJinjaList, toJinjaValue } from "./jinja-library.ts";
import type { JinjaValue } from "./jinja-library.ts";
import { entriesOf, itemsOf, kindOf, nounOf, pythonEquals, pythonText } from "./python-values.ts";
import { applyNamedFilter } from "./template-filters.ts";
import { TEXT_METHODS } from "./text-methods.ts";

type Method = (holder: JinjaValue, args: FilterArguments) => JinjaValue;

const NOTHING = toJinjaValue(undefined);

const MAPPING_METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["get", (holder, args) => get(holder, args)],
  ["items", (holder, args) => applyNamedFilter("items", holder, args)],
  ["keys", (holder, args) => applyNamedFilter("list", holder, args)],
  ["values", (holder) => toJinjaList([...entriesOf(holder).values()])],
  ["copy", (holder) => holder],
]);
const LIST_METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["index", (holder, args) => toJinjaValue(indexIn(holder, args))],
  ["count", (holder, args) => toJinjaValue(countIn(holder, args))],
  ["copy", (holder) => holder],
]);

/** A method of a text, a list or a mapping; `undefined` when there is none of that name. */
export function methodOf(holder: JinjaValue, name: string): Method | undefined {
  const kind = kindOf(holder);
  if (kind === "text") {
    const method = TEXT_METHODS.get(name);
    return method && ((text, args) => textResult(method(String(text.value), ...textArguments(name, args))));
  }
  return kind === "list"
    ? LIST_METHODS.get(name)
    : kind === "mapping"
      ? MAPPING_METHODS.get(name)
      : undefined;
}

/** `holder.key` and `holder[key]`: places are counted from the end below 0, in code points for a text. */
export function itemAt(holder: JinjaValue, key: JinjaValue): JinjaValue {
  assertDefined(holder, key);
  const { value } = holder;
  if (value instanceof Map) {
    return (value as ReadonlyMap<unknown, JinjaValue>).get(key.value) ?? NOTHING;
  }
  if (typeof key.value !== "number") {
    return NOTHING;
  }
  return holder.type === "StringValue"
    ? toJinjaValue(Array.from(String(value)).at(key.value))
    : (itemsOf(holder).at(key.value) ?? NOTHING);
}

/** What is undefined has nothing, as in Jinja: a mistake in a template is not printed as an empty text. */
function assertDefined(holder: JinjaValue, key: JinjaValue): void {
  if (holder.type === "UndefinedValue") {
    throw new Error(`wanted something that has ${pythonText(key)}, found undefined`);
  }
}

/** Plain values; `maxsplit` and `count` are the last that their methods take. */
function textArguments(name: string, { positional, named }: FilterArguments): unknown[] {
  const plain = positional.map((value) =>
    kindOf(value) === "list" ? itemsOf(value).map((item) => item.value) : value.value,
  );
  const most = named.get("maxsplit") ?? named.get("count");
  if (most === undefined) {
    return plain;
  }
  const [first, second] = plain;
  return name === "replace" ? [first, second, most.value] : [first, most.value];
}

function textResult(result: unknown): JinjaValue {
  return Array.isArray(result) ? toJinjaList(result.map(toJinjaValue)) : toJinjaValue(result);
}

function get(holder: JinjaValue, args: FilterArguments): JinjaValue {
  const key = args.get(0, "key");
  if (key === undefined) {
    throw new Error("wanted a name to get");
  }
  return entriesOf(holder).get(String(key.value)) ?? args.get(1, "default") ?? toJinjaValue(null);
}

function indexIn(holder: JinjaValue, args: FilterArguments): number {
  const index = itemsOf(holder).findIndex((item) => pythonEquals(item, args.get(0, "value") ?? NOTHING));
  if (index < 0) {
    throw new Error(`wanted a list that has the value, found ${nounOf(holder)} without`);
  }
  return index;
}

function countIn(holder: JinjaValue, args: FilterArguments): number {
  return itemsOf(holder).filter((item) => pythonEquals(item, args.get(0, "value") ?? NOTHING)).length;
}
