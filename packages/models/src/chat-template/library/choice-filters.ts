import type { CallArguments } from "../values/call-arguments.ts";
import { attributeGetter, type Filter, type FilterTable } from "./filter-support.ts";
import { iterate } from "../values/iterate.ts";
import type { Rendering } from "../values/rendering.ts";
import { TemplateError } from "../values/template-error.ts";
import { isTrue } from "../values/truth.ts";
import { Iteration, type Value } from "../values/values.ts";

/** Filters that call other filters and tests with each item. */
export const choiceFilters: FilterTable = [
  ["map", map],
  ["select", choice({ isWanted: true, hasAttribute: false })],
  ["reject", choice({ isWanted: false, hasAttribute: false })],
  ["selectattr", choice({ isWanted: true, hasAttribute: true })],
  ["rejectattr", choice({ isWanted: false, hasAttribute: true })],
];

/** As Jinja does: what is false has no items, whether it can be looped over or not. */
function itemsOf(value: Value): Iterable<Value> {
  return isTrue(value) ? iterate(value) : [];
}

function map(value: Value, args: CallArguments, rendering: Rendering): Value {
  function* items(): Generator<Value> {
    if (!isTrue(value)) return;
    const run = mapping(args, rendering);
    for (const item of itemsOf(value)) {
      rendering.budget.step();
      yield run(item);
    }
  }
  return new Iteration(items());
}

function mapping({ positional, named }: CallArguments, rendering: Rendering): (item: Value) => Value {
  const attribute = named.get("attribute");
  if (positional.length === 0 && attribute !== undefined) {
    for (const name of named.keys()) {
      if (name !== "attribute" && name !== "default") {
        throw new TemplateError(`Unexpected keyword argument '${name}'`);
      }
    }
    return attributeGetter(attribute, rendering, { fallback: named.get("default") });
  }
  const [name, ...rest] = positional;
  if (name === undefined) throw new TemplateError("map requires a filter argument");
  const args = { positional: rest, named };
  return (item) => rendering.filter(rendering.text(name), item, args);
}

function choice(rules: { readonly isWanted: boolean; readonly hasAttribute: boolean }): Filter {
  return (value, args, rendering) => {
    function* items(): Generator<Value> {
      if (!isTrue(value)) return;
      const passes = chooser(args, rules.hasAttribute, rendering);
      for (const item of itemsOf(value)) {
        rendering.budget.step();
        if (passes(item) === rules.isWanted) yield item;
      }
    }
    return new Iteration(items());
  };
}

/** A test by its name and what it compares with; without a name, whether the value is true. */
function chooser(
  { positional, named }: CallArguments,
  hasAttribute: boolean,
  rendering: Rendering,
): (item: Value) => boolean {
  const [attribute] = positional;
  if (hasAttribute && attribute === undefined) {
    throw new TemplateError("Missing parameter for attribute name");
  }
  const get = hasAttribute ? attributeGetter(attribute, rendering) : (item: Value): Value => item;
  const [name, ...rest] = hasAttribute ? positional.slice(1) : positional;
  if (name === undefined) return (item) => isTrue(get(item));
  const args = { positional: rest, named };
  return (item) => rendering.test(rendering.text(name), get(item), args);
}
