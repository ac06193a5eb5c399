import type { Budget } from "../program/budget.ts";
import type { PatternNode } from "../regex/pattern-node.ts";
import { type CharacterAutomaton, type CharacterEdge, trimAutomaton } from "./character-automaton.ts";

/** An automaton of a pattern without anchors. Takes as many steps as it has states, which may be exponentially many. */
export function determinizePattern(node: PatternNode, budget: Budget): CharacterAutomaton {
  const draft = new Nfa(budget);
  const start = draft.addState();
  const end = draft.addState();
  draft.connect(node, start, end);
  const numbers = new Map<string, number>();
  const sets: (readonly number[])[] = [];
  const numberOf = (states: readonly number[]): number => {
    const closed = draft.close(states);
    const key = closed.join(",");
    let number = numbers.get(key);
    if (number === undefined) {
      number = sets.push(closed) - 1;
      numbers.set(key, number);
      budget.check("states", sets.length);
    }
    return number;
  };
  numberOf([start]);
  const edges: CharacterEdge[][] = [];
  for (const set of sets) {
    budget.spend(set.length);
    edges.push(
      split(set.flatMap((state) => draft.edges[state]!)).map(({ low, high, targets }) => ({
        low,
        high,
        target: numberOf(targets),
      })),
    );
  }
  return trimAutomaton({ edges, accepting: sets.map((set) => set.includes(end)) });
}

class Nfa {
  readonly edges: CharacterEdge[][] = [];
  readonly #skips: number[][] = [];
  readonly #budget: Budget;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  addState(): number {
    this.#budget.spend(1);
    this.#skips.push([]);
    this.#budget.check("states", this.edges.push([]));
    return this.edges.length - 1;
  }

  connect(node: PatternNode, from: number, to: number): void {
    this.#budget.spend(1);
    switch (node.kind) {
      case "class":
        for (const [low, high] of node.points) this.edges[from]!.push({ low, high, target: to });
        break;
      case "sequence": {
        let at = from;
        for (const part of node.parts) {
          const next = this.addState();
          this.connect(part, at, next);
          at = next;
        }
        this.#skips[at]!.push(to);
        break;
      }
      case "choice":
        for (const option of node.options) this.connect(option, from, to);
        break;
      case "repeat":
        this.#connectRepeat(node, from, to);
        break;
      case "anchor":
        this.#skips[from]!.push(to);
        break;
    }
  }

  #connectRepeat({ body, min, max }: PatternNode & { kind: "repeat" }, from: number, to: number): void {
    let at = from;
    const copies = max === Infinity ? min : max;
    for (let copy = 0; copy < copies; copy += 1) {
      if (copy >= min) this.#skips[at]!.push(to);
      const next = this.addState();
      this.connect(body, at, next);
      at = next;
    }
    if (max === Infinity) {
      const loop = this.addState();
      this.#skips[at]!.push(loop);
      this.connect(body, loop, loop);
      at = loop;
    }
    this.#skips[at]!.push(to);
  }

  /** The states that are reached without a character, sorted. */
  close(states: readonly number[]): readonly number[] {
    const closed = new Set(states);
    for (const state of closed) for (const next of this.#skips[state]!) closed.add(next);
    this.#budget.spend(4 * closed.size);
    return [...closed].sort((left, right) => left - right);
  }
}

interface Piece {
  readonly low: number;
  readonly high: number;
  readonly targets: number[];
}

/** Cuts overlapping edges into pieces that do not overlap. */
function split(edges: readonly CharacterEdge[]): Piece[] {
  const bounds = [...new Set(edges.flatMap(({ low, high }) => [low, high + 1]))].sort((a, b) => a - b);
  const byLow = [...edges].sort((left, right) => left.low - right.low);
  const pieces: Piece[] = [];
  let open: CharacterEdge[] = [];
  let next = 0;
  for (const [index, low] of bounds.slice(0, -1).entries()) {
    open = open.filter((edge) => edge.high >= low);
    while (next < byLow.length && byLow[next]!.low === low) {
      open.push(byLow[next]!);
      next += 1;
    }
    if (open.length === 0) continue;
    const targets = [...new Set(open.map((edge) => edge.target))];
    pieces.push({ low, high: bounds[index + 1]! - 1, targets });
  }
  return pieces;
}
