import type { Budget } from "../program/budget.ts";
import { parsePattern } from "./parse-pattern.ts";
import type { PatternNode } from "./pattern-node.ts";
import { type PatternScope, resolveAnchors } from "./resolve-anchors.ts";

/** Reads a pattern and resolves its anchors. */
export function readPattern(
  text: string,
  { path, scope }: { readonly path: string; readonly scope: PatternScope },
  budget: Budget,
): PatternNode {
  return resolveAnchors(parsePattern(text, path, budget), scope, path);
}
