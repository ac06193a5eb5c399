import { allCodePoints } from "../characters/code-points.ts";
import { ConstraintError } from "../program/constraint-error.ts";
import { emptyPattern, matchesEmpty, type PatternNode } from "./pattern-node.ts";

/** Where a pattern must match: the whole text, or any part of it that its anchors allow. */
export type PatternScope = "whole" | "part";

/** One of the forms of a pattern: what it matches, and to which ends of the text it is bound. */
interface Variant {
  readonly node: PatternNode;
  readonly isAtStart: boolean;
  readonly isAtEnd: boolean;
}

const maxBoundParts = 64;

const anything: PatternNode = {
  kind: "repeat",
  body: { kind: "class", points: allCodePoints },
  min: 0,
  max: Infinity,
};

/** The same pattern without anchors, for the whole text. @throws ConstraintError for a repetition of an anchor */
export function resolveAnchors(node: PatternNode, scope: PatternScope, path: string): PatternNode {
  const options = variantsOf(node, path).map(({ node, isAtStart, isAtEnd }): PatternNode => {
    if (scope === "whole") return node;
    return {
      kind: "sequence",
      parts: [...(isAtStart ? [] : [anything]), node, ...(isAtEnd ? [] : [anything])],
    };
  });
  return options.length === 1 ? options[0]! : { kind: "choice", options };
}

function variantsOf(node: PatternNode, path: string): readonly Variant[] {
  if (!hasAnchor(node)) return [{ node, isAtStart: false, isAtEnd: false }];
  switch (node.kind) {
    case "anchor":
      return [{ node: emptyPattern, isAtStart: node.at === "start", isAtEnd: node.at === "end" }];
    case "choice":
      return merge(node.options.flatMap((option) => variantsOf(option, path)));
    case "sequence":
      return sequenceVariants(node.parts, path);
    case "repeat":
      if (node.max !== 1) {
        refuse(path, "anchors that are not repeated", "a repetition of ^ or $");
      }
      return merge([
        ...(node.min === 0 ? [{ node: emptyPattern, isAtStart: false, isAtEnd: false }] : []),
        ...variantsOf(node.body, path),
      ]);
    case "class":
      return [];
  }
}

/** Joins the variants of the parts; parts without anchors between two with are one. */
function sequenceVariants(parts: readonly PatternNode[], path: string): readonly Variant[] {
  const bound = parts.flatMap((part, index) => (hasAnchor(part) ? [index] : []));
  if (bound.length > maxBoundParts) {
    refuse(path, `at most ${maxBoundParts} anchors in a row`, `${bound.length}`);
  }
  let variants: readonly Variant[] = [{ node: emptyPattern, isAtStart: false, isAtEnd: false }];
  let start = 0;
  const append = (following: readonly Variant[]): void => {
    variants = merge(variants.flatMap((left) => following.flatMap((right) => join(left, right))));
  };
  for (const index of [...bound, parts.length]) {
    if (index > start) {
      const node: PatternNode = { kind: "sequence", parts: parts.slice(start, index) };
      append([{ node, isAtStart: false, isAtEnd: false }]);
    }
    if (index < parts.length) append(variantsOf(parts[index]!, path));
    start = index + 1;
  }
  return variants;
}

/** What follows an end, or comes before a start, can only be empty. */
function join(left: Variant, right: Variant): Variant[] {
  let before = left.node;
  let after = right.node;
  if (right.isAtStart) {
    if (!matchesEmpty(before)) return [];
    before = emptyPattern;
  }
  if (left.isAtEnd) {
    if (!matchesEmpty(after)) return [];
    after = emptyPattern;
  }
  return [
    {
      node: { kind: "sequence", parts: [before, after] },
      isAtStart: left.isAtStart || right.isAtStart,
      isAtEnd: left.isAtEnd || right.isAtEnd,
    },
  ];
}

/** Joins the variants that are bound alike: four at most. */
function merge(variants: readonly Variant[]): readonly Variant[] {
  const merged = new Map<string, Variant[]>();
  for (const variant of variants) {
    const key = `${variant.isAtStart},${variant.isAtEnd}`;
    const alike = merged.get(key);
    if (alike === undefined) merged.set(key, [variant]);
    else alike.push(variant);
  }
  return Array.from(merged.values(), joinAlike);
}

function joinAlike(alike: readonly Variant[]): Variant {
  const { node, isAtStart, isAtEnd } = alike[0]!;
  if (alike.length === 1) return { node, isAtStart, isAtEnd };
  return { node: { kind: "choice", options: alike.map((variant) => variant.node) }, isAtStart, isAtEnd };
}

function refuse(path: string, expected: string, got: string): never {
  throw new ConstraintError("UNSUPPORTED_CONSTRAINT", { path, expected, got });
}

function hasAnchor(node: PatternNode): boolean {
  switch (node.kind) {
    case "anchor":
      return true;
    case "class":
      return false;
    case "sequence":
      return node.parts.some(hasAnchor);
    case "choice":
      return node.options.some(hasAnchor);
    case "repeat":
      return hasAnchor(node.body);
  }
}
