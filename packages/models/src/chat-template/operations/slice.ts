import type { Budget } from "../values/budget.ts";
import { isNarrow } from "../values/code-points.ts";
import { TemplateError } from "../values/template-error.ts";
import { isList, isInteger, Range, Tuple, typeName, Undefined, type Value } from "../values/values.ts";

/** `holder[start:stop:step]`. @throws TemplateError */
export function sliceOf(holder: Value, bounds: readonly (Value | undefined)[], budget: Budget): Value {
  if (holder instanceof Undefined) throw holder.error();
  const [start, stop, step = 1] = bounds.map(toBound);
  if (step === 0) throw new TemplateError("slice step cannot be zero");
  if (typeof holder === "string") return sliceText(holder, { start, stop, step }, budget);
  if (isList(holder)) return pick(holder, placesOf(holder.length, { start, stop, step }), budget);
  if (holder instanceof Tuple) {
    return new Tuple(pick(holder.items, placesOf(holder.items.length, { start, stop, step }), budget));
  }
  if (holder instanceof Range) {
    const { first, end } = placesOf(holder.length, { start, stop, step });
    const by = holder.step * step;
    const from = holder.at(first);
    return new Range(from, holder.at(end), by);
  }
  throw new TemplateError(`'${typeName(holder)}' object has no slices`);
}

interface Bounds {
  readonly start: number | undefined;
  readonly stop: number | undefined;
  readonly step: number;
}

interface Places {
  readonly first: number;
  readonly end: number;
  readonly count: number;
  readonly step: number;
}

function toBound(value: Value | undefined): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "boolean") return Number(value);
  if (!isInteger(value)) {
    throw value instanceof Undefined
      ? value.error()
      : new TemplateError(`expected an int or none as a bound, got '${typeName(value)}'`);
  }
  return Number(value);
}

function placesOf(length: number, { start, stop, step }: Bounds): Places {
  const clamp = (bound: number, low: number, high: number): number =>
    Math.min(Math.max(bound < 0 ? bound + length : bound, low), high);
  const first =
    step > 0 ? clamp(start ?? 0, 0, length) : start === undefined ? length - 1 : clamp(start, -1, length - 1);
  const end =
    step > 0 ? clamp(stop ?? length, 0, length) : stop === undefined ? -1 : clamp(stop, -1, length - 1);
  return { first, end, count: Math.max(0, Math.ceil((end - first) / step)), step };
}

function sliceText(text: string, bounds: Bounds, budget: Budget): string {
  if (bounds.step === 1 && isNarrow(text)) {
    const { first, count } = placesOf(text.length, bounds);
    return budget.text(text.slice(first, first + count));
  }
  const points = Array.from(text);
  budget.makeText(text.length);
  budget.step(Math.floor(points.length / 16));
  const { first, count, step } = placesOf(points.length, bounds);
  return Array.from({ length: count }, (_, index) => points[first + index * step]).join("");
}

function pick(items: readonly Value[], { first, count, step }: Places, budget: Budget): Value[] {
  budget.copyItems(count);
  if (step === 1) return items.slice(first, first + count);
  return Array.from({ length: count }, (_, index) => items[first + index * step] ?? null);
}
