import type { CallArguments } from "../values/call-arguments.ts";
import { Dict } from "../values/dict.ts";
import { iterate } from "../values/iterate.ts";
import { pythonRepr } from "../values/python-text.ts";
import type { Rendering } from "../values/rendering.ts";
import { TemplateError } from "../values/template-error.ts";
import { isObject, type PythonObject, type Value } from "../values/values.ts";

/** The result of `namespace()`: the only object whose attributes a template can set. */
export interface Namespace extends PythonObject {
  readonly typeName: "Namespace";
  set(name: string, value: Value): void;
}

export function isNamespace(value: Value): value is Namespace {
  return isObject(value) && value.typeName === "Namespace";
}

/** Makes a namespace of `namespace(a=1)` or of a mapping. @throws TemplateError */
export function createNamespace(args: CallArguments, rendering: Rendering): Namespace {
  const values = new Map<string, Value>();
  const set = (name: string, value: Value): void => {
    if (name.startsWith("_")) {
      throw new TemplateError(`expected a name without a leading underscore, got '${name}'`);
    }
    values.set(name, value);
  };
  for (const [name, value] of dictOf(args, "namespace").entries()) set(rendering.text(name), value);
  return {
    typeName: "Namespace",
    set,
    attribute: (name) => values.get(name),
    print: () => `<Namespace ${pythonRepr(new Dict(values), rendering.budget)}>`,
  };
}

/** Python's `dict(…)`: of a mapping or of pairs, and of named values. @throws TemplateError */
export function dictOf({ positional, named }: CallArguments, name: string): Dict {
  const [first, ...more] = positional;
  if (more.length > 0) {
    throw new TemplateError(`${name} expected at most 1 argument, got ${positional.length}`);
  }
  const dict =
    first === undefined ? new Dict() : first instanceof Dict ? new Dict(first.entries()) : dictOfPairs(first);
  for (const [key, value] of named) dict.set(key, value);
  return dict;
}

function dictOfPairs(pairs: Value): Dict {
  const dict = new Dict();
  for (const pair of iterate(pairs)) {
    const [key, value, ...more] = iterate(pair);
    if (key === undefined || value === undefined || more.length > 0) {
      throw new TemplateError("expected pairs of a key and a value, got other items");
    }
    dict.set(key, value);
  }
  return dict;
}
