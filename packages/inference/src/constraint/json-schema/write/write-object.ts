import { type Counter, type Expression, type GraphEdge, sequence } from "../../program/expression.ts";
import type { ObjectPlan } from "./plan-object.ts";
import type { ObjectWriting } from "./resolve-notation.ts";
import type { Conjunction } from "../schema/schema-document.ts";

/** What writing a composite value needs from the writer of all values. */
export interface ValueWriting {
  /** Whitespace, which may be none. */
  readonly space: Expression;
  /** Any value that matches some schemas. */
  readonly value: (conjunction: Conjunction) => Expression;
  /** Any such text, as it is, with what comes after it. */
  readonly text: (conjunction: Conjunction) => Expression;
}

/** How one object is written. */
export interface ObjectBody {
  readonly plan: ObjectPlan;
  readonly objects: ObjectWriting;
  /** Each property is a tick. */
  readonly isCounted: boolean;
  /** The schema's, for errors. */
  readonly path: string;
}

/**
 * Writes the body of an object's rule. The declared properties come in their order, then the others, whose names are
 * keys: no two are the same.
 */
export function writeObject(
  { plan, objects, isCounted, path }: ObjectBody,
  writing: ValueWriting,
): Expression {
  const { declared } = plan;
  const { afterValue, texts } = objects;
  const members = declared.map(({ name, value }) =>
    texts.has(name)
      ? sequence(objects.name(name, path), writing.text(value))
      : sequence(objects.name(name, path), writing.value(value), afterValue),
  );
  const others = plan.open.map(({ names, value }) =>
    sequence(objects.openName(names), writing.value(value), afterValue),
  );
  const rest = restCounts(plan);
  const tickAfter = (index: number): GraphEdge["tick"] => (isCounted ? rest[index] : undefined);
  // State 2i: before property i with none written; 2i + 1: with some written; the last one: closed.
  const last = declared.length;
  const end = 2 * last + 2;
  const edges: GraphEdge[] = [];
  const add = (label: Expression, places: { from: number; to: number; tick?: GraphEdge["tick"] }): void => {
    edges.push({ label, ...places });
    edges.push({ ...places, from: places.from + 1, label: sequence(objects.separator, label) });
  };
  for (const [index, member] of members.entries()) {
    add(member, { from: 2 * index, to: 2 * index + 3, tick: tickAfter(index + 1) });
    if (declared[index]!.isRequired) continue;
    edges.push({ from: 2 * index, to: 2 * index + 2, label: { kind: "empty" } });
    edges.push({ from: 2 * index + 1, to: 2 * index + 3, label: { kind: "empty" } });
  }
  for (const other of others) add(other, { from: 2 * last, to: 2 * last + 1, tick: tickAfter(last) });
  edges.push({ from: 2 * last, to: end, label: objects.closeEmpty, isGuarded: isCounted });
  edges.push({ from: 2 * last + 1, to: end, label: objects.close, isGuarded: isCounted });
  return sequence(objects.open, {
    kind: "graph",
    stateCount: end + 1,
    accepting: new Set([end]),
    edges,
  });
}

/** How many properties can still come from each on: at least the required ones, at most all. */
function restCounts({ declared, open }: ObjectPlan): { readonly low: number; readonly high: number }[] {
  const counts = [{ low: 0, high: open.length > 0 ? Infinity : 0 }];
  for (const { isRequired } of declared.toReversed()) {
    const { low, high } = counts[0]!;
    counts.unshift({ low: low + (isRequired ? 1 : 0), high: high + 1 });
  }
  return counts;
}

/** The counter that an object needs for its limits; `undefined` for none, and `"never"` if it cannot hold them. */
export function objectCounter(plan: ObjectPlan, { min, max }: Counter): Counter | undefined | "never" {
  const { low, high } = restCounts(plan)[0]!;
  if (min > high || max < low) return "never";
  return min <= low && max >= high ? undefined : { min, max };
}
