import type { Range } from "../program/expression.ts";

/** Where characters of a range lead. */
export interface CharacterEdge {
  readonly low: number;
  readonly high: number;
  readonly target: number;
}

/**
 * A deterministic automaton over characters. State 0 is the start; the edges of a state are sorted and do not
 * overlap; from every state an accepting one can be reached, except that an automaton of one state may accept nothing.
 */
export interface CharacterAutomaton {
  readonly edges: readonly (readonly CharacterEdge[])[];
  readonly accepting: readonly boolean[];
}

/** Whether it accepts nothing. */
export function isEmptyAutomaton({ accepting }: CharacterAutomaton): boolean {
  return !accepting.includes(true);
}

/** Makes an automaton of states of which some may be dead ends: those are left out. */
export function trimAutomaton({ edges, accepting }: CharacterAutomaton): CharacterAutomaton {
  const sources = edges.map((): number[] => []);
  for (const [from, list] of edges.entries()) for (const { target } of list) sources[target]!.push(from);
  const isLive = accepting.slice();
  const pending = accepting.flatMap((accepts, state) => (accepts ? [state] : []));
  for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
    for (const source of sources[state]!) {
      if (isLive[source]) continue;
      isLive[source] = true;
      pending.push(source);
    }
  }
  isLive[0] = true;
  const numberOf = new Map<number, number>();
  for (const [state, live] of isLive.entries()) if (live) numberOf.set(state, numberOf.size);
  return {
    edges: [...numberOf.keys()].map((state) =>
      joinEdges(
        edges[state]!.flatMap((edge) => {
          const target = numberOf.get(edge.target);
          return target === undefined ? [] : [{ low: edge.low, high: edge.high, target }];
        }),
      ),
    ),
    accepting: [...numberOf.keys()].map((state) => accepting[state]!),
  };
}

/** Joins neighbouring edges with the same target. */
function joinEdges(edges: readonly CharacterEdge[]): CharacterEdge[] {
  const joined: CharacterEdge[] = [];
  for (const edge of edges) {
    const last = joined.at(-1);
    if (last !== undefined && last.target === edge.target && last.high + 1 === edge.low) {
      joined[joined.length - 1] = { ...last, high: edge.high };
    } else {
      joined.push(edge);
    }
  }
  return joined;
}

/** The ranges of a state's edges by target. */
export function edgesByTarget(edges: readonly CharacterEdge[]): Map<number, Range[]> {
  const byTarget = new Map<number, Range[]>();
  for (const { low, high, target } of edges) {
    const ranges = byTarget.get(target);
    if (ranges === undefined) byTarget.set(target, [[low, high]]);
    else ranges.push([low, high]);
  }
  return byTarget;
}
