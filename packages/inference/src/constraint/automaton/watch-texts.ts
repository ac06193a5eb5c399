import { invertRanges, normalizeRanges } from "../characters/code-points.ts";
import { encodeCodePoints } from "../characters/utf8.ts";
import type { Budget } from "../program/budget.ts";
import { type Expression, type GraphEdge, sequence } from "../program/expression.ts";

/** A text that free text may hold, and what must then follow it. */
export interface AwaitedText {
  readonly text: string;
  readonly follows: Expression;
}

/** The texts that matter in a free text. */
export interface WatchedTexts {
  readonly refused: readonly string[];
  readonly awaited?: readonly AwaitedText[];
  /** Free text goes on after what follows an awaited text; otherwise it ends there. */
  readonly isRepeated?: boolean;
}

/**
 * Any text that contains none of some texts, and in which others are followed by what they must be: an automaton whose
 * states are the beginnings of all of them, as that of Aho and Corasick. It may end anywhere outside of what follows.
 */
export function watchTexts(watched: WatchedTexts, budget: Budget): Expression {
  const { refused, awaited = [], isRepeated = false } = watched;
  const texts = [...refused, ...awaited.map(({ text }) => text)];
  const beginnings = beginningsOf(texts, budget);
  const end = beginnings.size;
  const edges: GraphEdge[] = [];
  const points = new Set(texts.flatMap((text) => Array.from(text, (character) => character.codePointAt(0)!)));
  const known = Array.from(points, (point) => ({
    character: String.fromCodePoint(point),
    label: encodeCodePoints([[point, point]]),
  }));
  const others = encodeCodePoints(
    invertRanges(normalizeRanges(Array.from(points, (point) => [point, point]))),
  );
  for (const [beginning, from] of beginnings) {
    edges.push({ from, to: 0, label: others });
    for (const { character, label } of known) {
      const text = beginning + character;
      budget.spend(refused.length + awaited.length + 1);
      if (refused.some((each) => text.endsWith(each))) continue;
      const completed = awaited.filter((each) => text.endsWith(each.text));
      for (const { follows } of completed) {
        edges.push({ from, to: isRepeated ? 0 : end, label: sequence(label, follows) });
      }
      if (completed.length === 0) edges.push({ from, to: longestBeginning(text, beginnings, budget), label });
    }
  }
  return {
    kind: "graph",
    stateCount: end + 1,
    accepting: new Set([...beginnings.values(), end]),
    edges,
  };
}

/** The beginnings of texts that are shorter than these, with their states. */
function beginningsOf(texts: readonly string[], budget: Budget): ReadonlyMap<string, number> {
  const beginnings = new Map<string, number>([["", 0]]);
  for (const text of texts) {
    let beginning = "";
    for (const character of text) {
      budget.spend(1);
      if (!beginnings.has(beginning)) beginnings.set(beginning, beginnings.size);
      beginning += character;
    }
  }
  return beginnings;
}

/** The state of the longest beginning that a text ends with. */
function longestBeginning(text: string, beginnings: ReadonlyMap<string, number>, budget: Budget): number {
  for (let start = 0; start < text.length; start += 1) {
    budget.spend(1);
    const state = beginnings.get(text.slice(start));
    if (state !== undefined) return state;
  }
  return 0;
}
