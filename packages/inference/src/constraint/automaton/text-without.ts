import type { Budget } from "../program/budget.ts";
import type { Expression, GraphEdge, Range } from "../program/expression.ts";

/** Of text in UTF-8. */
const maxByte = 0xf4;

/**
 * Any text that contains none of some texts: an automaton whose states are the beginnings of these texts, as that of
 * Aho and Corasick.
 */
export function textWithout(texts: readonly Uint8Array[], budget: Budget): Expression {
  const edges: GraphEdge[] = [];
  const beginnings = new Map<string, number>([["", 0]]);
  const refused = new Set(texts.map(keyOf));
  for (const text of texts) {
    for (let length = 1; length < text.length; length += 1) {
      const key = keyOf(text.subarray(0, length));
      if (!beginnings.has(key)) beginnings.set(key, beginnings.size);
    }
  }
  /** The longest beginning that a text ends with; `undefined` where it ends with a refused one. */
  const stateAfter = (text: string): number | undefined => {
    for (let start = 0; start <= text.length; start += 1) {
      budget.spend(1);
      const tail = text.slice(start);
      if (refused.has(tail)) return undefined;
      const state = beginnings.get(tail);
      // A shorter refused text may end here too.
      if (state !== undefined) return endsRefused(tail, refused) ? undefined : state;
    }
    return 0;
  };
  const known = [...new Set(texts.flatMap((text) => [...text]))].toSorted((a, b) => a - b);
  const others = gapsBetween(known);
  for (const [beginning, from] of beginnings) {
    edges.push({ from, to: 0, label: { kind: "bytes", ranges: others } });
    for (const byte of known) {
      const to = stateAfter(beginning + String.fromCharCode(byte));
      if (to !== undefined) edges.push({ from, to, label: { kind: "bytes", ranges: [[byte, byte]] } });
    }
  }
  return { kind: "graph", stateCount: beginnings.size, accepting: new Set(beginnings.values()), edges };
}

/** A character for each byte. */
function keyOf(text: Uint8Array): string {
  return String.fromCharCode(...text);
}

function endsRefused(text: string, refused: ReadonlySet<string>): boolean {
  for (let start = 1; start < text.length; start += 1) if (refused.has(text.slice(start))) return true;
  return false;
}

function gapsBetween(bytes: readonly number[]): readonly Range[] {
  const gaps: Range[] = [];
  let low = 0;
  for (const byte of [...bytes, maxByte + 1]) {
    if (byte > low) gaps.push([low, byte - 1]);
    low = byte + 1;
  }
  return gaps;
}
