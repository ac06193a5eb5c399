import type {
  ConstraintSource,
  JsonWhitespace,
  NotationMark,
  ValueNotation,
} from "@infernode/inference/constraint";
import { EngineRequestError } from "../errors.ts";
import type { AnswerReader } from "../parsers/answer/create-answer-reader.ts";
import type { CallableTool, CallWriter, WrittenTool } from "../parsers/tools/tool-format.ts";
import { escapePattern } from "../text/escape-pattern.ts";
import type { AnswerParts } from "./open-answers.ts";

/** Calls that are enforced token by token. */
export interface EnforcedCalls {
  /** Every answer has a call; otherwise it may be content. */
  readonly isRequired: boolean;
  /** The field of the request that asks for it. */
  readonly param: string;
}

/** Where a prompt ends: within the reasoning, within the content, or before both. */
export interface OpenAnswer {
  readonly isReasoningOpen: boolean;
  readonly isContentOpen: boolean;
}

/** Calls of one answer. */
const maxParallelCalls = 32;
const anyObject: ConstraintSource = { jsonObject: true };

/**
 * What an answer must match: its calls, its content, or either.
 * @throws EngineRequestError `UNSUPPORTED_PARAMETER` where the model's format does not allow it
 */
export function answerSource(
  content: ConstraintSource | undefined,
  parts: AnswerParts | undefined,
  { reader, ...open }: OpenAnswer & { readonly reader: AnswerReader },
): ConstraintSource | undefined {
  if (parts === undefined) return content;
  const { tools, enforced } = parts;
  const mark = (text: string): NotationMark =>
    reader.markTokenIds.has(text) ? { token: text } : { literal: text };
  const answer = reader.format.reasoning?.writer?.answer;
  if (tools === undefined || (enforced === undefined && content === undefined)) {
    if (content === undefined || answer === undefined) return content;
    return answer({ content, ...open }, mark);
  }
  const { isRequired = false, param = "constraint" } = enforced ?? {};
  const writer = writerOf(reader, param);
  const calls = callsOf(tools, { writer, parts, reader, mark });
  const names = tools.map(({ name }) => name);
  const other = isRequired
    ? undefined
    : content === undefined
      ? textOf(writer, names)
      : contentOf(writer, content, reader.format.tools?.name ?? "");
  if (answer !== undefined) return answer({ content: other, calls, ...open }, mark);
  const callsAlone: ConstraintSource = { sequence: [beforeCalls, calls] };
  if (other === undefined) return callsAlone;
  const callsMayFollow = content === undefined && writer.taken === undefined;
  return callsMayFollow
    ? { sequence: [other, { repeat: calls, min: 0, max: 1 }] }
    : { anyOf: [callsAlone, other] };
}

/** White space between reasoning and calls. */
const beforeCalls: ConstraintSource = { repeat: { literal: "\n" }, min: 0, max: 2 };

function writerOf({ format: { tools } }: AnswerReader, param: string): CallWriter {
  if (tools !== undefined) return tools.writer;
  throw unsupported(param, "a model whose format of calls is known (see docs/tools.md)", "none");
}

interface CallContext {
  readonly writer: CallWriter;
  readonly parts: AnswerParts;
  readonly reader: AnswerReader;
  readonly mark: (text: string) => NotationMark;
}

function callsOf(
  tools: readonly CallableTool[],
  { writer, parts, reader, mark }: CallContext,
): ConstraintSource {
  return writer.calls({
    tools: tools.map(toWritten),
    maxCalls: Math.min(parts.maxCalls ?? maxParallelCalls, maxParallelCalls),
    mark,
    hasToken: (text) => reader.markTokenIds.has(text),
  });
}

function toWritten({ name, textParameters, argumentsSource = anyObject }: CallableTool): WrittenTool {
  return {
    name,
    textParameters,
    arguments: argumentsSource,
    argumentsIn: (notation, whitespace = "flexible") => inNotation(argumentsSource, { notation, whitespace }),
  };
}

/** A JSON value in another notation. */
function inNotation(
  source: ConstraintSource,
  options: { readonly notation: ValueNotation; readonly whitespace?: JsonWhitespace },
): ConstraintSource {
  if ("part" in source) return { ...source, part: inNotation(source.part, options) };
  return "jsonSchema" in source || "jsonObject" in source ? { ...source, ...options } : source;
}

/** Text that no call is found in. */
function textOf({ startMarks, taken }: CallWriter, toolNames: readonly string[]): ConstraintSource {
  if (taken === undefined) return { textWithout: startMarks };
  const marked = startMarks.map((mark) => String.raw`[\s\S]*${escapePattern(mark)}[\s\S]*`);
  return { textUnlike: [...marked, taken(toolNames)].join("|") };
}

/** Content that no call is found in. */
function contentOf(
  { startMarks, jsonCalls = "marked" }: CallWriter,
  content: ConstraintSource,
  name: string,
): ConstraintSource {
  const isJson = "jsonSchema" in content || "jsonObject" in content;
  if (isJson && jsonCalls === "none") return content;
  if (isJson && jsonCalls === "marked") return inNotation(content, { notation: { without: startMarks } });
  const expected = `${isJson ? "a model whose calls are more than JSON" : "JSON"}, or no tools that may be called beside it`;
  throw unsupported("constraint", expected, `the format of calls \`${name}\``);
}

function unsupported(param: string, expected: string, got: string): EngineRequestError {
  const message = `\`${param}\`: expected ${expected}, got ${got}`;
  return new EngineRequestError({ code: "UNSUPPORTED_PARAMETER", message, param });
}
