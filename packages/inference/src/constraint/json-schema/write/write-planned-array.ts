import {
  type Counter,
  type Expression,
  type GraphEdge,
  literal,
  sequence,
} from "../../program/expression.ts";
import type { ArrayPlan } from "./plan-array.ts";
import type { Conjunction } from "../schema/schema-document.ts";

/** How an array of a plan is written. */
export interface PlannedArray {
  readonly plan: ArrayPlan;
  readonly space: Expression;
  readonly item: (value: Conjunction) => Expression;
  /** Each item is a tick. */
  readonly isCounted: boolean;
}

/** Writes the body of an array's rule: a graph of its plan, with a first state before the bracket closes for good. */
export function writePlannedArray({ plan, space, item, isCounted }: PlannedArray): Expression {
  const { edges, accepting, lengths } = plan;
  // State i: state i of the plan, with items; then the empty array, and the closed one.
  const empty = accepting.length;
  const end = empty + 1;
  const written = new Map<Conjunction, Expression>();
  const graph: GraphEdge[] = [];
  for (const { from, to, value } of edges) {
    let label = written.get(value);
    if (label === undefined) {
      label = item(value);
      written.set(value, label);
    }
    const tick = isCounted ? lengths[to] : undefined;
    if (from === 0) graph.push({ from: empty, to, label, tick });
    graph.push({ from, to, label: sequence(literal(","), space, label), tick });
  }
  for (const [state, accepts] of accepting.entries()) {
    if (!accepts) continue;
    const close = sequence(space, literal("]"));
    graph.push({ from: state, to: end, label: close, isGuarded: isCounted });
    if (state === 0) graph.push({ from: empty, to: end, label: literal("]"), isGuarded: isCounted });
  }
  return sequence(literal("["), space, startAt(empty, { stateCount: end + 1, end, edges: graph }));
}

/** A graph that starts at another state than 0: the two are exchanged. */
function startAt(
  start: number,
  graph: { readonly stateCount: number; readonly end: number; readonly edges: readonly GraphEdge[] },
): Expression {
  const place = (state: number): number => (state === start ? 0 : state === 0 ? start : state);
  return {
    kind: "graph",
    stateCount: graph.stateCount,
    accepting: new Set([place(graph.end)]),
    edges: graph.edges.map((edge) => ({ ...edge, from: place(edge.from), to: place(edge.to) })),
  };
}

/** The counter that an array of a plan needs; `undefined` for none, and `"never"` if no length is possible. */
export function arrayCounter({ lengths }: ArrayPlan, { min, max }: Counter): Counter | undefined | "never" {
  const { low, high } = lengths[0]!;
  if (low === -1 || min > high || max < low) return "never";
  return min <= low && max >= high ? undefined : { min, max };
}
