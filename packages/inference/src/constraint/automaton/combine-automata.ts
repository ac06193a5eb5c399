import type { Budget } from "../program/budget.ts";
import { type CharacterAutomaton, type CharacterEdge, trimAutomaton } from "./character-automaton.ts";

/** The texts that both automata accept. */
export function intersectAutomata(
  left: CharacterAutomaton,
  right: CharacterAutomaton,
  budget: Budget,
): CharacterAutomaton {
  return combine([left, right], budget, (inLeft, inRight) => inLeft && inRight);
}

/** The texts that the first automaton accepts and the second does not. */
export function subtractAutomaton(
  left: CharacterAutomaton,
  right: CharacterAutomaton,
  budget: Budget,
): CharacterAutomaton {
  return combine([left, right], budget, (inLeft, inRight) => inLeft && !inRight);
}

/** The product of two automata. A second state of −1 stands for the dead end of the second. */
function combine(
  [left, right]: readonly [CharacterAutomaton, CharacterAutomaton],
  budget: Budget,
  accepts: (inLeft: boolean, inRight: boolean) => boolean,
): CharacterAutomaton {
  const keepsDead = accepts(true, false);
  const width = right.edges.length + 1;
  const numbers = new Map<number, number>();
  const pairs: (readonly [number, number])[] = [];
  const numberOf = (first: number, second: number): number => {
    const key = first * width + second + 1;
    let number = numbers.get(key);
    if (number === undefined) {
      number = pairs.push([first, second]) - 1;
      numbers.set(key, number);
      budget.check("states", pairs.length);
    }
    return number;
  };
  numberOf(0, 0);
  const edges: CharacterEdge[][] = [];
  const accepting: boolean[] = [];
  for (const [first, second] of pairs) {
    accepting.push(accepts(left.accepting[first]!, second !== -1 && right.accepting[second]!));
    const list: CharacterEdge[] = [];
    for (const piece of overlay(left.edges[first]!, second === -1 ? [] : right.edges[second]!)) {
      budget.spend(2);
      if (piece.second === -1 && !keepsDead) continue;
      list.push({ low: piece.low, high: piece.high, target: numberOf(piece.first, piece.second) });
    }
    edges.push(list);
  }
  return trimAutomaton({ edges, accepting });
}

interface Piece {
  readonly low: number;
  readonly high: number;
  readonly first: number;
  readonly second: number;
}

/** Cuts the edges of one state along those of another. */
function overlay(left: readonly CharacterEdge[], right: readonly CharacterEdge[]): Piece[] {
  const pieces: Piece[] = [];
  let index = 0;
  for (const { low, high, target } of left) {
    let at = low;
    while (index > 0 && right[index - 1]!.high >= at) index -= 1;
    while (at <= high) {
      while (index < right.length && right[index]!.high < at) index += 1;
      const other = right[index];
      if (other === undefined || other.low > high) {
        pieces.push({ low: at, high, first: target, second: -1 });
        break;
      }
      if (other.low > at) {
        pieces.push({ low: at, high: other.low - 1, first: target, second: -1 });
        at = other.low;
      }
      const end = Math.min(high, other.high);
      pieces.push({ low: at, high: end, first: target, second: other.target });
      at = end + 1;
    }
  }
  return pieces;
}
