import { Dict } from "./dict.ts";
import { PythonFloat } from "./python-float.ts";
import { DictView, isList, isObject, Range, Tuple, Undefined, type Value } from "./values.ts";

/** Python's truth of a value. */
export function isTrue(value: Value): boolean {
  if (typeof value !== "object" || value === null) return Boolean(value);
  if (isList(value)) return value.length > 0;
  if (value instanceof PythonFloat) return value.value !== 0;
  if (value instanceof Undefined) return false;
  if (value instanceof Dict) return value.size > 0;
  if (value instanceof Tuple) return value.items.length > 0;
  if (value instanceof Range) return value.length > 0;
  if (value instanceof DictView) return value.dict.size > 0;
  return isObject(value) && value.length !== undefined ? value.length() > 0 : true;
}
