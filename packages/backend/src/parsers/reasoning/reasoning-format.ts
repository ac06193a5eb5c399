import type { PartSink } from "../part-sink.ts";
import type { Parsing, TextCursor } from "../text-cursor.ts";

/** What the parser of an answer's reasoning works with. */
export interface ReasoningParse {
  readonly cursor: TextCursor;
  readonly sink: PartSink;
  /** The prompt ends within the reasoning. */
  readonly isOpen: boolean;
}

/** How models of a kind write reasoning before their answer. */
export interface ReasoningFormat {
  /** Of the setting `reasoningParser`. */
  readonly name: string;
  /** What only templates of this format contain; the first format with a match is the template's. */
  readonly templateMarks: readonly string[];
  readonly starts: readonly string[];
  readonly ends: readonly string[];
  /** What ends reasoning and begins the content, where the model is made to end it. */
  readonly forcedEnd: string;
  /** A mark comes before the content too, not only around the reasoning. [false] */
  readonly hasContentMark?: boolean;
  /** Reads to the end of the reasoning, if there is any. */
  readonly parse: (parse: ReasoningParse) => Parsing;
}
