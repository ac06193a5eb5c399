import type { Budget } from "./budget.ts";
import { compareTexts } from "./code-points.ts";
import { Dict } from "./dict.ts";
import { isIterable, iterate } from "./iterate.ts";
import { PythonFloat } from "./python-float.ts";
import { TemplateError } from "./template-error.ts";
import { DictView, isList, Range, toNumber, Tuple, typeName, Undefined, type Value } from "./values.ts";

/** Compares values as Python does, within a budget. */
export class Comparer {
  readonly #budget: Budget;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  /** Python's `==`. */
  equals(a: Value, b: Value, depth = 0): boolean {
    if (typeof a === "string" || typeof b === "string" || a === null || b === null) {
      if (typeof a === "string") this.#budget.readText(a);
      return a === b;
    }
    const [x, y] = [toNumber(a), toNumber(b)];
    if (x !== undefined || y !== undefined) return x !== undefined && y !== undefined && sameNumbers(x, y);
    if (a === b) return true;
    if (a instanceof Undefined) return b instanceof Undefined;
    if (isList(a)) return isList(b) && this.#sameItems(a, b, depth);
    if (a instanceof Tuple) return b instanceof Tuple && this.#sameItems(a.items, b.items, depth);
    if (a instanceof Dict) return b instanceof Dict && this.#sameEntries(a, b, depth);
    if (a instanceof Range) {
      return b instanceof Range && this.#sameItems([...iterate(a)], [...iterate(b)], depth);
    }
    if (a instanceof DictView) return b instanceof DictView && this.#sameViews(a, b);
    return false;
  }

  /** Views of keys or items compare as sets; a view of values only equals itself. */
  #sameViews(a: DictView, b: DictView): boolean {
    if (a.part === "values" || b.part === "values" || a.dict.size !== b.dict.size) return false;
    if (a.part === "keys" && b.part === "keys") return [...a.dict.keys()].every((key) => b.dict.has(key));
    return a.part === b.part && this.#sameEntries(a.dict, b.dict, 0);
  }

  /** Below 0, 0 or above 0; `NaN` where neither is less. @throws TemplateError where there is no order */
  compare(a: Value, b: Value, depth = 0): number {
    if (typeof a === "string" && typeof b === "string") {
      this.#budget.step();
      this.#budget.readText(a);
      return compareTexts(a, b);
    }
    const [x, y] = [toNumber(a), toNumber(b)];
    if (x !== undefined && y !== undefined) return compareNumbers(x, y);
    if (isList(a) && isList(b)) return this.#compareItems(a, b, depth);
    if (a instanceof Tuple && b instanceof Tuple) return this.#compareItems(a.items, b.items, depth);
    if (a instanceof Undefined) throw a.error();
    if (b instanceof Undefined) throw b.error();
    throw new TemplateError(
      `expected two values that have an order, got '${typeName(a)}' and '${typeName(b)}'`,
    );
  }

  /** Python's `in`. */
  contains(holder: Value, item: Value): boolean {
    if (typeof holder === "string") {
      this.#budget.readText(holder);
      if (typeof item === "string") return holder.includes(item);
      throw new TemplateError(`expected a str to look for in a str, got '${typeName(item)}'`);
    }
    if (holder instanceof Dict) return holder.has(item);
    if (holder instanceof DictView && holder.part === "keys") return holder.dict.has(item);
    if (holder instanceof Range) {
      const number = toNumber(item);
      if (number === undefined) return false;
      const index =
        (Number(number instanceof PythonFloat ? number.value : number) - holder.start) / holder.step;
      return Number.isInteger(index) && index >= 0 && index < holder.length;
    }
    if (!isIterable(holder)) {
      throw new TemplateError(`argument of type '${typeName(holder)}' is not iterable`);
    }
    for (const each of iterate(holder)) {
      this.#budget.step();
      if (each === item || this.equals(each, item)) return true;
    }
    return false;
  }

  #sameItems(a: readonly Value[], b: readonly Value[], depth: number): boolean {
    this.#budget.lookInto(depth);
    if (a.length !== b.length) return false;
    return a.every((item, index) => {
      const other = b[index];
      this.#budget.step();
      return other !== undefined && (item === other || this.equals(item, other, depth + 1));
    });
  }

  #sameEntries(a: Dict, b: Dict, depth: number): boolean {
    this.#budget.lookInto(depth);
    if (a.size !== b.size) return false;
    for (const [key, value] of a.entries()) {
      const other = b.get(key);
      this.#budget.step();
      if (other === undefined || !(value === other || this.equals(value, other, depth + 1))) return false;
    }
    return true;
  }

  #compareItems(a: readonly Value[], b: readonly Value[], depth: number): number {
    this.#budget.lookInto(depth);
    for (const [index, item] of a.entries()) {
      const other = b[index];
      this.#budget.step();
      if (other === undefined) return 1;
      if (item !== other && !this.equals(item, other, depth + 1)) return this.compare(item, other, depth + 1);
    }
    return a.length - b.length;
  }
}

type AnyNumber = NonNullable<ReturnType<typeof toNumber>>;

function sameNumbers(a: AnyNumber, b: AnyNumber): boolean {
  return compareNumbers(a, b) === 0;
}

/** Exact for integers and floats of any size. */
function compareNumbers(a: AnyNumber, b: AnyNumber): number {
  const [x, y] = [a instanceof PythonFloat ? a.value : a, b instanceof PythonFloat ? b.value : b];
  if (x < y) return -1;
  if (x > y) return 1;
  return Number.isNaN(x) || Number.isNaN(y) ? Number.NaN : 0;
}

/** Python's `is`. */
export function isSame(a: Value, b: Value): boolean {
  return a === b || (a instanceof PythonFloat && b instanceof PythonFloat && a.value === b.value);
}
