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
  /** Reads to the end of the text: content and calls. */
  readonly parse: (parse: ToolParse) => Parsing;
}
