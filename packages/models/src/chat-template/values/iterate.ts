import { Dict } from "./dict.ts";
import { TemplateError } from "./template-error.ts";
import { pointCount } from "./code-points.ts";
import {
  DictView,
  isList,
  isObject,
  Iteration,
  Range,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from "./values.ts";

/** The values that a loop over a value takes. @throws TemplateError where there is nothing to loop over */
export function iterate(value: Value): Iterable<Value> {
  if (isList(value) || typeof value === "string") return value;
  if (value instanceof Tuple) return value.items;
  if (value instanceof Dict) return value.keys();
  if (value instanceof DictView) return viewed(value);
  if (value instanceof Range) return counted(value);
  if (value instanceof Iteration) return { [Symbol.iterator]: () => generated(value) };
  if (value instanceof Undefined) return [];
  throw new TemplateError(`'${typeName(value)}' object is not iterable`);
}

/** Whether a value is iterable. */
export function isIterable(value: Value): boolean {
  return (
    typeof value === "string" ||
    isList(value) ||
    value instanceof Tuple ||
    value instanceof Dict ||
    value instanceof DictView ||
    value instanceof Range ||
    value instanceof Iteration ||
    value instanceof Undefined
  );
}

/** Python's `len`; `undefined` where there is none. */
export function lengthOf(value: Value): number | undefined {
  if (typeof value === "string") return pointCount(value);
  if (isList(value)) return value.length;
  if (value instanceof Tuple) return value.items.length;
  if (value instanceof Dict) return value.size;
  if (value instanceof DictView) return value.dict.size;
  if (value instanceof Range) return value.length;
  if (value instanceof Undefined) return 0;
  return isObject(value) ? value.length?.() : undefined;
}

function* viewed({ dict, part }: DictView): Generator<Value> {
  for (const [key, value] of dict.entries()) {
    yield part === "keys" ? key : part === "values" ? value : new Tuple([key, value]);
  }
}

function* counted(range: Range): Generator<Value> {
  for (let index = 0; index < range.length; index += 1) yield range.at(index);
}

/** A loop that ends early does not close it: later loops take the rest. */
function generated(iteration: Iteration): Iterator<Value> {
  return {
    next: () => {
      const { done, value } = iteration.next();
      return done === true ? { done, value: undefined } : { done: false, value };
    },
  };
}
