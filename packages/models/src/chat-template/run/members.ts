import type { Budget } from "../values/budget.ts";
import type { CallArguments } from "../values/call-arguments.ts";
import { bindArguments } from "../values/call-arguments.ts";
import { isNarrow } from "../values/code-points.ts";
import { Dict } from "../values/dict.ts";
import type { Rendering } from "../values/rendering.ts";
import { TemplateError } from "../values/template-error.ts";
import { textMethods } from "../operations/text-methods.ts";
import {
  DictView,
  isInteger,
  isList,
  isObject,
  Range,
  Tuple,
  Undefined,
  valueOr,
  type PythonObject,
  type Value,
} from "../values/values.ts";

type Method = (holder: Value, args: CallArguments, rendering: Rendering) => Value;

const dictMethods: ReadonlyMap<string, (dict: Dict, args: CallArguments) => Value> = new Map([
  ["get", get],
  ["items", (dict: Dict): Value => new DictView(dict, "items")],
  ["keys", (dict: Dict): Value => new DictView(dict, "keys")],
  ["values", (dict: Dict): Value => new DictView(dict, "values")],
  ["copy", (dict: Dict): Value => dict],
]);
/** Methods that Jinja's sandbox denies: accessing one gives `Undefined`, calling it fails. */
const dictMutators: ReadonlySet<string> = new Set([
  "clear",
  "pop",
  "popitem",
  "setdefault",
  "update",
  "fromkeys",
]);
const listMutators: ReadonlySet<string> = new Set([
  "append",
  "clear",
  "extend",
  "insert",
  "pop",
  "remove",
  "reverse",
  "sort",
]);

/** Creates a bound method. */
function bind(method: Method, holder: Value, rendering: Rendering): PythonObject {
  return {
    typeName: "builtin_function_or_method",
    call: (args) => {
      if (typeof holder === "string") rendering.budget.readText(holder);
      return method(holder, args, rendering);
    },
  };
}

/** `holder.name`: as in Jinja, methods take precedence over items. */
export function attributeOf(holder: Value, name: string, rendering: Rendering): Value {
  if (holder instanceof Undefined) throw holder.error();
  const method = methodOf(holder, name, rendering);
  if (method !== undefined) return method;
  const item = holder instanceof Dict ? holder.get(name) : undefined;
  return item === undefined ? missing(holder, name, rendering) : item;
}

/** `holder[key]`: negative indices count from the end, those of a text count code points. */
export function itemOf(holder: Value, key: Value, rendering: Rendering): Value {
  if (holder instanceof Undefined) throw holder.error();
  const item = storedItem(holder, key, rendering.budget);
  if (item !== undefined) return item;
  const method = typeof key === "string" ? methodOf(holder, key, rendering) : undefined;
  return method === undefined ? missing(holder, key, rendering) : method;
}

function storedItem(holder: Value, key: Value, budget: Budget): Value | undefined {
  if (holder instanceof Dict) {
    return key instanceof Dict || isList(key) || key instanceof Undefined ? undefined : holder.get(key);
  }
  const index = typeof key === "boolean" ? Number(key) : isInteger(key) ? Number(key) : undefined;
  if (index === undefined) return undefined;
  if (isList(holder)) return holder.at(index);
  if (holder instanceof Tuple) return holder.items.at(index);
  if (typeof holder === "string") budget.readText(holder);
  if (typeof holder === "string") return isNarrow(holder) ? holder.at(index) : Array.from(holder).at(index);
  if (!(holder instanceof Range)) return undefined;
  const place = index < 0 ? index + holder.length : index;
  return place >= 0 && place < holder.length ? holder.at(place) : undefined;
}

function missing(holder: Value, key: Value, rendering: Rendering): Undefined {
  const name = typeof key === "string" ? `'${key}'` : rendering.text(key);
  const kind = typeof key === "string" ? "attribute" : "element";
  return new Undefined(`'${holder instanceof Dict ? "dict object" : nameOf(holder)}' has no ${kind} ${name}`);
}

function nameOf(holder: Value): string {
  if (holder === null) return "None";
  if (isList(holder)) return "list object";
  return typeof holder === "string" ? "str object" : "value";
}

function methodOf(holder: Value, name: string, rendering: Rendering): Value | undefined {
  if (typeof holder === "string") {
    const method = textMethods.get(name);
    return method && bind((_, args) => method(holder, args, rendering), holder, rendering);
  }
  if (holder instanceof Dict) {
    const method = dictMethods.get(name);
    if (method !== undefined) return bind((_, args) => method(holder, args), holder, rendering);
    return dictMutators.has(name) ? unsafeMember("dict", name) : undefined;
  }
  if (isList(holder) || holder instanceof Tuple || holder instanceof Range) {
    const place = holder instanceof Tuple ? holder.names.indexOf(name) : -1;
    if (place >= 0 && holder instanceof Tuple) return holder.items[place];
    const method = name === "index" ? indexIn : name === "count" ? countIn : undefined;
    if (method !== undefined) return bind(method, holder, rendering);
    if (!isList(holder)) return undefined;
    if (name === "copy") return bind(() => holder, holder, rendering);
    return listMutators.has(name) ? unsafeMember("list", name) : undefined;
  }
  return isObject(holder) ? holder.attribute?.(name) : undefined;
}

function unsafeMember(kind: string, name: string): Undefined {
  return new Undefined(`access to attribute '${name}' of '${kind}' object is unsafe.`);
}

function get(dict: Dict, args: CallArguments): Value {
  const [key = null, fallback = null] = bindArguments(args, {
    name: "get",
    parameters: ["key", "default"],
    required: 1,
  });
  return valueOr(dict.get(key), fallback);
}

function itemsOf(holder: Value): readonly Value[] {
  if (isList(holder)) return holder;
  if (holder instanceof Tuple) return holder.items;
  return holder instanceof Range ? Array.from({ length: holder.length }, (_, index) => holder.at(index)) : [];
}

function indexIn(holder: Value, args: CallArguments, { comparer, budget }: Rendering): Value {
  const [value = null] = bindArguments(args, { name: "index", parameters: ["value"], required: 1 });
  const items = itemsOf(holder);
  budget.step(items.length);
  const index = items.findIndex((item) => comparer.equals(item, value));
  if (index < 0) throw new TemplateError("expected a list with the value, got one without");
  return index;
}

function countIn(holder: Value, args: CallArguments, { comparer, budget }: Rendering): Value {
  const [value = null] = bindArguments(args, { name: "count", parameters: ["value"], required: 1 });
  const items = itemsOf(holder);
  budget.step(items.length);
  return items.filter((item) => comparer.equals(item, value)).length;
}
