import { findAnswerFormat } from "../../src/parsers/answer/answer-format.ts";
import { AnswerParser, type AnswerParserOptions } from "../../src/parsers/answer/answer-parser.ts";
import type { AnswerPart } from "../../src/parsers/part-sink.ts";

export interface ReadOptions extends Omit<AnswerParserOptions, "format"> {
  readonly toolParser?: string;
  readonly reasoningParser?: string;
}

/** A part without its id, as texts are joined. */
export type JoinedPart =
  | { readonly type: "content" | "reasoning"; readonly text: string }
  | { readonly type: "call"; readonly name: string; readonly arguments: string };

/** Adds a part to those before; pieces of one text are joined. */
function join(joined: readonly JoinedPart[], part: AnswerPart): readonly JoinedPart[] {
  const last = joined.at(-1);
  if (part.type === "call") return [...joined, { type: "call", name: part.name, arguments: "" }];
  if (part.type === "arguments") {
    if (last?.type !== "call") throw new Error("arguments without a call");
    return [...joined.slice(0, -1), { ...last, arguments: last.arguments + part.text }];
  }
  if (last?.type !== part.type) return [...joined, part];
  return [...joined.slice(0, -1), { ...last, text: last.text + part.text }];
}

const tools = ["f", "look"].map((name) => ({ name, textParameters: ["text"] }));

/** Parses pieces of one answer; the parts as they come. */
export function readPieces(pieces: readonly string[], options: ReadOptions = {}): readonly AnswerPart[] {
  const { toolParser = "none", reasoningParser = "none", ...rest } = options;
  const format = findAnswerFormat({ template: undefined, toolParser, reasoningParser });
  const parser = new AnswerParser({ format, tools, ...rest });
  return [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()];
}

/** Parses an answer. */
export function readAnswer(
  text: string | readonly string[],
  options: ReadOptions = {},
): readonly JoinedPart[] {
  return readPieces(typeof text === "string" ? [text] : text, options).reduce(join, []);
}

/** What an answer with calls is expected to be. */
export const call = (name: string, text: string): JoinedPart => ({ type: "call", name, arguments: text });
export const content = (text: string): JoinedPart => ({ type: "content", text });
export const reasoning = (text: string): JoinedPart => ({ type: "reasoning", text });
