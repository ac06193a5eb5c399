import { bindArguments, type CallArguments } from "../values/call-arguments.ts";
import { iterate } from "../values/iterate.ts";
import type { Rendering } from "../values/rendering.ts";
import { TemplateError } from "../values/template-error.ts";
import { isInteger, typeName, Undefined, type Value } from "../values/values.ts";

/** A filter whose arguments are bound to its parameters. */
export type FilterRun = (value: Value, args: readonly (Value | undefined)[], rendering: Rendering) => Value;
/** A filter with arguments as the template gives them. */
export type Filter = (value: Value, args: CallArguments, rendering: Rendering) => Value;
export type FilterTable = readonly (readonly [name: string, filter: Filter])[];

/** Creates a filter with named parameters; `"name!"` is a required one. */
export function filter(
  name: string,
  parameters: readonly string[],
  run: FilterRun,
): readonly [string, Filter] {
  const names = parameters.map((parameter) => parameter.replace("!", ""));
  const required = parameters.filter((parameter) => parameter.endsWith("!")).length;
  return [
    name,
    (value, args, rendering) =>
      run(value, bindArguments(args, { name: `filter "${name}"`, parameters: names, required }), rendering),
  ];
}

/** Collects the items of an iterable. */
export function listOf(value: Value, { budget }: Rendering): Value[] {
  const items: Value[] = [];
  for (const item of iterate(value)) {
    items.push(item);
    if (items.length % 1024 === 0) budget.makeItems(items.length > 2 ** 19 ? items.length : 1024);
  }
  budget.makeItems(items.length % 1024);
  return items;
}

export function integerArgument(value: Value | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value === "boolean") return Number(value);
  if (isInteger(value)) return Number(value);
  throw new TemplateError(`expected an int, got '${typeName(value)}'`);
}

/** Creates a getter for `attribute=`: `"a.b"`, `"0"` or an index. */
export function attributeGetter(
  attribute: Value | undefined,
  rendering: Rendering,
  options: { readonly fallback?: Value | undefined; readonly isFolded?: boolean } = {},
): (item: Value) => Value {
  const path = pathOf(attribute);
  return (item) => {
    let value = item;
    for (const key of path) {
      value = rendering.item(value, key);
      if (options.fallback !== undefined && options.fallback !== null && value instanceof Undefined) {
        value = options.fallback;
      }
    }
    return options.isFolded === true && typeof value === "string" ? value.toLowerCase() : value;
  };
}

function pathOf(attribute: Value | undefined): readonly Value[] {
  if (attribute === undefined || attribute === null) return [];
  if (typeof attribute !== "string") return [attribute];
  return attribute.split(".").map((part) => (/^\p{Nd}+$/u.test(part) ? Number(part) : part));
}
