import { automatonExpression } from "../automaton/automaton-expression.ts";
import { encodeJsonCharacters } from "../characters/json-text.ts";
import { type Counter, type Expression, type GraphEdge, literal, sequence } from "../program/expression.ts";
import type { ProgramBuilder } from "../program/program-builder.ts";
import type { ObjectPlan } from "./plan-object.ts";
import type { Conjunction } from "./schema-document.ts";

/** What writing a composite value needs from the writer of all values. */
export interface ValueWriting {
  readonly builder: ProgramBuilder;
  /** Whitespace, which may be none. */
  readonly space: Expression;
  /** Any value that matches some schemas. */
  readonly value: (conjunction: Conjunction) => Expression;
}

/**
 * Writes the body of an object's rule. The declared properties come in their order, then the others, whose names are
 * keys: no two are the same. Counted, each property is a tick.
 */
export function writeObject(plan: ObjectPlan, isCounted: boolean, writing: ValueWriting): Expression {
  const { declared } = plan;
  const { space } = writing;
  const members = declared.map(({ name, value }) =>
    sequence(literal(`${JSON.stringify(name)}:`), space, writing.value(value)),
  );
  const others = plan.open.map(({ names, value }) => openMember(names, value, writing));
  const rest = restCounts(plan);
  const tickAfter = (index: number): GraphEdge["tick"] => (isCounted ? rest[index] : undefined);
  // State 2i: before property i with none written; 2i + 1: with some written; the last one: closed.
  const last = declared.length;
  const end = 2 * last + 2;
  const edges: GraphEdge[] = [];
  const add = (label: Expression, places: { from: number; to: number; tick?: GraphEdge["tick"] }): void => {
    edges.push({ label, ...places });
    const separated = sequence(literal(","), space, label);
    edges.push({ ...places, from: places.from + 1, label: separated });
  };
  for (const [index, member] of members.entries()) {
    add(member, { from: 2 * index, to: 2 * index + 3, tick: tickAfter(index + 1) });
    if (declared[index]!.isRequired) continue;
    edges.push({ from: 2 * index, to: 2 * index + 2, label: { kind: "empty" } });
    edges.push({ from: 2 * index + 1, to: 2 * index + 3, label: { kind: "empty" } });
  }
  for (const other of others) add(other, { from: 2 * last, to: 2 * last + 1, tick: tickAfter(last) });
  edges.push({ from: 2 * last, to: end, label: literal("}"), isGuarded: isCounted });
  edges.push({ from: 2 * last + 1, to: end, label: sequence(space, literal("}")), isGuarded: isCounted });
  return sequence(literal("{"), space, {
    kind: "graph",
    stateCount: end + 1,
    accepting: new Set([end]),
    edges,
  });
}

function openMember(
  names: ObjectPlan["open"][number]["names"],
  value: Conjunction,
  writing: ValueWriting,
): Expression {
  const key = sequence(literal('"'), automatonExpression(names, encodeJsonCharacters), literal('"'));
  const rule = writing.builder.addRule(key, true);
  return sequence({ kind: "call", rule }, literal(":"), writing.space, writing.value(value));
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
