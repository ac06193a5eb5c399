import type { CodePoints } from "../characters/code-points.ts";

/** A parsed pattern. */
export type PatternNode =
  | { readonly kind: "class"; readonly points: CodePoints }
  | { readonly kind: "sequence"; readonly parts: readonly PatternNode[] }
  | { readonly kind: "choice"; readonly options: readonly PatternNode[] }
  | { readonly kind: "repeat"; readonly body: PatternNode; readonly min: number; readonly max: number }
  | { readonly kind: "anchor"; readonly at: "start" | "end" };

export const emptyPattern: PatternNode = { kind: "sequence", parts: [] };

/** Whether a pattern without anchors matches the empty text. */
export function matchesEmpty(node: PatternNode): boolean {
  switch (node.kind) {
    case "class":
      return false;
    case "sequence":
      return node.parts.every(matchesEmpty);
    case "choice":
      return node.options.some(matchesEmpty);
    case "repeat":
      return node.min === 0 || matchesEmpty(node.body);
    case "anchor":
      return true;
  }
}
