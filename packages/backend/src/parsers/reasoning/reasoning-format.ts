import type { ConstraintSource } from "@infernode/inference/constraint";
import type { PartSink } from "../part-sink.ts";
import type { Parsing, TextCursor } from "../text-cursor.ts";

/** What the parser of an answer's reasoning works with. */
export interface ReasoningParse {
  readonly cursor: TextCursor;
  readonly sink: PartSink;
  /** The prompt ends within the reasoning. */
  readonly isOpen: boolean;
}

/** What an answer may be after its reasoning; at least one of these. */
export interface WrittenAnswer {
  readonly content?: ConstraintSource | undefined;
  readonly calls?: ConstraintSource | undefined;
  /** The prompt ends within the reasoning. */
  readonly isReasoningOpen: boolean;
  /** The prompt ends within the content. */
  readonly isContentOpen: boolean;
}

/** How whole answers are written, so that their content or calls can be made to match something. */
export interface AnswerWriter {
  /** Texts that may be single tokens. */
  readonly marks: readonly string[];
  /** @param mark a mark's token, if it is one token of the vocabulary, or else its text */
  readonly answer: (written: WrittenAnswer, mark: (text: string) => ConstraintSource) => ConstraintSource;
  /** As `forcedEnd`, before a call. */
  readonly forcedEndBeforeCall: string;
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
  /** Of a format with marks before the content too. [what comes after the reasoning is content or calls] */
  readonly writer?: AnswerWriter;
  /** Reads to the end of the reasoning, if there is any. */
  readonly parse: (parse: ReasoningParse) => Parsing;
}
