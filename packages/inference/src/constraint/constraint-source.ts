import type { JsonSchemaOptions } from "./json-schema/compile-json-schema.ts";

/** What a text must match: one of these. */
export type ConstraintSource =
  | LeafSource
  | { readonly sequence: readonly ConstraintSource[] }
  | { readonly anyOf: readonly ConstraintSource[] }
  /** From `min` to `max` times. */
  | { readonly repeat: ConstraintSource; readonly min: number; readonly max: number }
  /** A source whose errors have a name, as their `part`. */
  | { readonly part: ConstraintSource; readonly name: string };

/** A source without others in it. */
export type LeafSource =
  | ({ readonly jsonSchema: unknown } & JsonSchemaOptions)
  /** Any JSON object. */
  | ({ readonly jsonObject: true } & JsonSchemaOptions)
  /** A regular expression for the whole text. */
  | { readonly regex: string }
  /** A grammar in GBNF whose start is the rule `root`. */
  | { readonly grammar: string }
  /** One of some texts. */
  | { readonly choice: readonly string[] }
  /** This text; it may be empty. */
  | { readonly literal: string }
  /** The token of this spelling, if the tree of tokens has the bytes of `markedTokenBytes` for it. */
  | { readonly token: string }
  /** Any text that contains none of some texts. */
  | { readonly textWithout: readonly string[] };

export function isLeaf(source: ConstraintSource): source is LeafSource {
  return !("sequence" in source || "anyOf" in source || "repeat" in source || "part" in source);
}
