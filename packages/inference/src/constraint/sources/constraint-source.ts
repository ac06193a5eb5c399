import type { JsonSchemaOptions, JsonWhitespace } from "../json-schema/compile-json-schema.ts";

/** What a text must match: one of these. */
export type ConstraintSource =
  | LeafSource
  | { readonly sequence: readonly ConstraintSource[] }
  | { readonly anyOf: readonly ConstraintSource[] }
  /** From `min` to `max` times, which may be `Infinity`. */
  | { readonly repeat: ConstraintSource; readonly min: number; readonly max: number }
  /** A source whose errors have a name, as their `part`. */
  | { readonly part: ConstraintSource; readonly name: string }
  | DispatchSource
  | StructuralTagSource;

/** Free text that contains none of the texts of `without`, and in which some texts are followed by what they must be. */
export interface DispatchSource {
  readonly dispatch: readonly { readonly after: string; readonly follows: ConstraintSource }[];
  readonly without: readonly string[];
  /** Free text goes on after each of these; otherwise the first one is the end. */
  readonly isRepeated: boolean;
}

/** A structural tag of XGrammar: `{ type: "structural_tag", format }`, or with `structures` and `triggers`. */
export interface StructuralTagSource {
  readonly structuralTag: unknown;
  readonly whitespace?: JsonWhitespace;
}

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
  | { readonly textWithout: readonly string[] }
  /** Any text that a regular expression does not match as a whole. */
  | { readonly textUnlike: string };

const composedKinds = ["sequence", "anyOf", "repeat", "part", "dispatch", "structuralTag"];

export function isLeaf(source: ConstraintSource): source is LeafSource {
  return !composedKinds.some((kind) => kind in source);
}
