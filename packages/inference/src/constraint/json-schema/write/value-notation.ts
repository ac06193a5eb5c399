/** A text, or a token of the vocabulary by its spelling. */
export type NotationMark = { readonly literal: string } | { readonly token: string };

/** How the properties of an object are written: each between marks, in their order. */
export interface ObjectNotation {
  readonly open: readonly NotationMark[];
  readonly close: readonly NotationMark[];
  /** Between two properties. */
  readonly separator: readonly NotationMark[];
  readonly beforeName: readonly NotationMark[];
  readonly afterName: readonly NotationMark[];
  readonly afterValue: readonly NotationMark[];
  /** A regular expression for the names that are written as they are. */
  readonly bareNames: string;
  /** Other names are strings, or refused. */
  readonly otherNames: "quoted" | "refused";
  /** Properties whose values are texts, written as they are up to what comes after values. [none] */
  readonly texts?: readonly string[];
}

/** How values are written where that is not JSON. What is absent is as in JSON. */
export interface ValueNotation {
  readonly words?: { readonly null: string; readonly true: string; readonly false: string };
  /** Strings are as they are between two of this mark. */
  readonly quote?: NotationMark;
  /** The objects within the value, and the value. */
  readonly objects?: ObjectNotation;
  /** The value, which is an object. [objects] */
  readonly root?: ObjectNotation;
  /** What strings and names do not contain, as it would end them: texts that are not empty. */
  readonly without?: readonly string[];
}
