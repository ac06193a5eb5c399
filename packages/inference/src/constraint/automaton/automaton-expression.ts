import type { CodePoints } from "../characters/code-points.ts";
import type { Expression, GraphEdge } from "../program/expression.ts";
import { type CharacterAutomaton, edgesByTarget } from "./character-automaton.ts";
import type { LengthRange } from "./length-ranges.ts";

/** The texts of an automaton as an expression; with lengths, each character is a tick. */
export function automatonExpression(
  { edges, accepting }: CharacterAutomaton,
  encode: (points: CodePoints) => Expression,
  lengths?: readonly LengthRange[],
): Expression {
  return {
    kind: "graph",
    stateCount: edges.length,
    accepting: new Set(accepting.flatMap((accepts, state) => (accepts ? [state] : []))),
    edges: edges.flatMap((list, from) =>
      [...edgesByTarget(list)].map(([to, points]): GraphEdge => ({
        from,
        to,
        label: encode(points),
        tick: lengths?.[to],
      })),
    ),
  };
}
