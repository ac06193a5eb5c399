import type { PatternNode } from "../../regex/pattern-node.ts";
import type { JsonValue } from "../schema/json-value.ts";
import type { Conjunction } from "../schema/schema-document.ts";

/** A pattern that a string must match, or must not, without anchors, for the whole string. */
export interface StringPattern {
  readonly node: PatternNode;
  /** The string does not match it. [false] */
  readonly isExcluded?: boolean | undefined;
  /**
   * Of a format whose pattern is narrower: what all texts of the format match. Where that is absent, the pattern is
   * exact.
   */
  readonly wide?: RegExp | undefined;
  /** Where it stands, for errors. */
  readonly path: string;
  readonly source: string;
}

export interface StringShape {
  readonly type: "string";
  readonly min: number;
  readonly max: number;
  readonly patterns: readonly StringPattern[];
}

/** A bound of a number. */
export interface NumberBound {
  readonly value: number;
  readonly isExclusive: boolean;
}

export interface NumberShape {
  readonly type: "number";
  readonly isInteger: boolean;
  readonly low?: NumberBound | undefined;
  readonly high?: NumberBound | undefined;
  readonly multiples: readonly number[];
  /** Numbers that it is no multiple of; 1 for a number with a fraction. [none] */
  readonly notMultiples?: readonly number[] | undefined;
  readonly path: string;
}

/** How many items, from one on, match some schemas. */
export interface ItemCount {
  readonly value: Conjunction;
  /** The place of the first item that counts. */
  readonly from: number;
  readonly min: number;
  readonly max: number;
}

export interface ArrayShape {
  readonly type: "array";
  readonly prefix: readonly Conjunction[];
  readonly items: Conjunction;
  readonly min: number;
  readonly max: number;
  /** [none] */
  readonly contains?: readonly ItemCount[] | undefined;
  /** No two items are the same. [false] */
  readonly isUnique?: boolean | undefined;
}

/** What one schema says about the properties of an object. */
export interface ObjectLayer {
  readonly properties: ReadonlyMap<string, Conjunction>;
  readonly patterns: readonly { readonly pattern: StringPattern; readonly value: Conjunction }[];
  /** For names that neither a property nor a pattern matches. */
  readonly additional: Conjunction;
  /** Made of a schema that a value must not match: says nothing about which properties are evaluated. [false] */
  readonly isDerived?: boolean | undefined;
}

export interface ObjectShape {
  readonly type: "object";
  readonly layers: readonly ObjectLayer[];
  readonly names: Conjunction;
  readonly required: ReadonlySet<string>;
  readonly min: number;
  readonly max: number;
  readonly path: string;
}

export interface LiteralShape {
  readonly type: "literal";
  readonly value: JsonValue;
}

/** One of the kinds of values that a schema allows; a schema is a list of them. */
export type Shape =
  | { readonly type: "null" | "boolean" }
  | LiteralShape
  | StringShape
  | NumberShape
  | ArrayShape
  | ObjectShape;

const anyString: StringShape = { type: "string", min: 0, max: Infinity, patterns: [] };

export function anyNumber(path: string, isInteger = false): NumberShape {
  return { type: "number", isInteger, multiples: [], path };
}

export function anyShapes(path: string): readonly Shape[] {
  return [
    { type: "null" },
    { type: "boolean" },
    anyNumber(path),
    anyString,
    { type: "array", prefix: [], items: [], min: 0, max: Infinity },
    { type: "object", layers: [], names: [], required: new Set(), min: 0, max: Infinity, path },
  ];
}
