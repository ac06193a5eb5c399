import type { CallArguments } from "../values/call-arguments.ts";
import { attributeGetter, type Filter, type FilterTable } from "./filter-support.ts";
import { iterate } from "../values/iterate.ts";
import type { Rendering } from "../values/rendering.ts";
import { TemplateError } from "../values/template-error.ts";
import { isTrue } from "../values/truth.ts";
import { Iteration, type Value } from "../values/values.ts";

/** Filters that apply another filter or a test to each item. */
export const choiceFilters: FilterTable = [
  ["map", map],
  ["select", createSelection({ keepsMatches: true, hasAttribute: false })],
  ["reject", createSelection({ keepsMatches: false, hasAttribute: false })],
  ["selectattr", createSelection({ keepsMatches: true, hasAttribute: true })],
  ["rejectattr", createSelection({ keepsMatches: false, hasAttribute: true })],
];

/** As in Jinja, a false value has no items, even if it is not iterable. */
function itemsOf(value: Value): Iterable<Value> {
  return isTrue(value) ? iterate(value) : [];
}

function map(value: Value, args: CallArguments, rendering: Rendering): Value {
  function* items(): Generator<Value> {
    if (!isTrue(value)) return;
    const run = createMapper(args, rendering);
    for (const item of itemsOf(value)) {
      rendering.budget.step();
      yield run(item);
    }
  }
  return new Iteration(items());
}

function createMapper({ positional, named }: CallArguments, rendering: Rendering): (item: Value) => Value {
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

function createSelection(rules: { readonly keepsMatches: boolean; readonly hasAttribute: boolean }): Filter {
  return (value, args, rendering) => {
    function* items(): Generator<Value> {
      if (!isTrue(value)) return;
      const passes = createPredicate(args, rules.hasAttribute, rendering);
      for (const item of itemsOf(value)) {
        rendering.budget.step();
        if (passes(item) === rules.keepsMatches) yield item;
      }
    }
    return new Iteration(items());
  };
}

/** Creates the predicate: a test by name, or without one the truth of the value. */
function createPredicate(
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
