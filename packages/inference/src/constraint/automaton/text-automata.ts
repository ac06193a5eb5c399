import { allCodePoints } from "../characters/code-points.ts";
import type { Budget } from "../program/budget.ts";
import type { CharacterAutomaton, CharacterEdge } from "./character-automaton.ts";

/** Accepts every text. */
export const anyTextAutomaton: CharacterAutomaton = {
  edges: [allCodePoints.map(([low, high]) => ({ low, high, target: 0 }))],
  accepting: [true],
};

/** Accepts some texts and no others. */
export function automatonOfTexts(texts: Iterable<string>, budget: Budget): CharacterAutomaton {
  const children: Map<number, number>[] = [new Map()];
  const accepting = [false];
  for (const text of texts) {
    let state = 0;
    for (const character of text) {
      budget.spend(1);
      const point = character.codePointAt(0)!;
      let next = children[state]!.get(point);
      if (next === undefined) {
        next = children.push(new Map()) - 1;
        accepting.push(false);
        budget.check("states", children.length);
        children[state]!.set(point, next);
      }
      state = next;
    }
    accepting[state] = true;
  }
  const edges = children.map((list) =>
    [...list]
      .map(([point, target]): CharacterEdge => ({ low: point, high: point, target }))
      .sort((left, right) => left.low - right.low),
  );
  return { edges, accepting };
}

/** Whether an automaton accepts a text. */
export function acceptsText({ edges, accepting }: CharacterAutomaton, text: string): boolean {
  let state = 0;
  for (const character of text) {
    const point = character.codePointAt(0)!;
    const edge = edges[state]!.find(({ low, high }) => low <= point && point <= high);
    if (edge === undefined) return false;
    state = edge.target;
  }
  return accepting[state]!;
}

/** Whether every state has infinitely many texts left; of an automaton without dead ends. */
export function isEndless({ edges }: CharacterAutomaton): boolean {
  const isInfinite = findInfinite(edges);
  return isInfinite.every(Boolean);
}

/** The states from which a cycle is reached. */
function findInfinite(edges: readonly (readonly CharacterEdge[])[]): boolean[] {
  const sources = edges.map((): number[] => []);
  const open = edges.map((list) => list.length);
  for (const [from, list] of edges.entries()) for (const { target } of list) sources[target]!.push(from);
  const finite = open.flatMap((count, state) => (count === 0 ? [state] : []));
  const isInfinite = edges.map(() => true);
  for (let state = finite.pop(); state !== undefined; state = finite.pop()) {
    isInfinite[state] = false;
    for (const source of sources[state]!) {
      open[source]! -= 1;
      if (open[source] === 0) finite.push(source);
    }
  }
  return isInfinite;
}

/** All texts that an automaton accepts, if there are at most so many. */
export function listTexts(automaton: CharacterAutomaton, limit: number): string[] | undefined {
  const { edges, accepting } = automaton;
  if (findInfinite(edges).includes(true)) return undefined;
  const texts: string[] = [];
  const pending: (readonly [state: number, text: string])[] = [[0, ""]];
  for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
    const [state, text] = entry;
    if (accepting[state]!) texts.push(text);
    if (texts.length + pending.length > limit) return undefined;
    for (const { low, high, target } of edges[state]!) {
      if (high - low > limit) return undefined;
      for (let point = low; point <= high; point += 1) {
        pending.push([target, text + String.fromCodePoint(point)]);
      }
    }
  }
  return texts.sort();
}
