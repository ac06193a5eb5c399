import type {
  ConstraintSource,
  JsonWhitespace,
  NotationMark,
  ValueNotation,
} from "@infernode/inference/constraint";
import type { PartSink } from "../part-sink.ts";
import type { Parsing, TextCursor } from "../text-cursor.ts";

/** What the parser of an answer's calls works with. */
export interface ToolParse {
  readonly cursor: TextCursor;
  readonly sink: PartSink;
  /** The names of the request's tools: a format without marks takes no other text for a call. */
  readonly toolNames: ReadonlySet<string>;
  /** Whether a parameter of a tool is a text: a format without quotes cannot say it. */
  readonly isText: (toolName: string, parameter: string) => boolean;
}

/** A tool that an answer may call. */
export interface CallableTool {
  readonly name: string;
  /** The parameters that are texts. */
  readonly textParameters: readonly string[];
  /** What its arguments match where calls are enforced. [any object] */
  readonly argumentsSource?: ConstraintSource | undefined;
}

/** What calls are written with. */
export interface CallWriting {
  /** What calls consist of: one source for each tool. */
  readonly tools: readonly WrittenTool[];
  /** Calls at most; one at least. */
  readonly maxCalls: number;
  /** A mark of the format: its token, if it is one token of the vocabulary, or else its text. */
  readonly mark: (text: string) => NotationMark;
  /** Whether a text is one token of the vocabulary. */
  readonly hasToken: (text: string) => boolean;
}

/** A tool whose calls are written. */
export interface WrittenTool {
  readonly name: string;
  /** The parameters that are texts. */
  readonly textParameters: readonly string[];
  /** As JSON. */
  readonly arguments: ConstraintSource;
  /** In a format's own notation. */
  readonly argumentsIn: (notation: ValueNotation, whitespace?: JsonWhitespace) => ConstraintSource;
}

/** How calls are written, so that answers can be made to have them. */
export interface CallWriter {
  /** One or several calls. */
  readonly calls: (writing: CallWriting) => ConstraintSource;
  /**
   * Marks that text does not contain, so that no call is found in it. With `taken`, text may be a call without them; if
   * not, calls may follow a text.
   */
  readonly startMarks: readonly string[];
  /** A regular expression for texts that are taken for calls of some tools although they have none of the marks. */
  readonly taken?: (toolNames: readonly string[]) => string;
  /** What JSON may be taken for a call: none, JSON with the marks in its strings, or any. [marked] */
  readonly jsonCalls?: "none" | "marked" | "any";
}

/** How models of a kind write calls of tools. */
export interface ToolFormat {
  /** Of the setting `toolParser`. */
  readonly name: string;
  /** What only templates of this format contain; the first format with a match is the template's. */
  readonly templateMarks: readonly string[];
  /** Texts that may be special tokens; they are kept for the parser. */
  readonly marks: readonly string[];
  /** [`call_` and 24 hexadecimal digits] */
  readonly createCallId?: () => string;
  /** How calls can be enforced. */
  readonly writer: CallWriter;
  /** Reads to the end of the text: content and calls. */
  readonly parse: (parse: ToolParse) => Parsing;
}
