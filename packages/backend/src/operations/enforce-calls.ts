import type { ConstraintSource } from "@infernode/inference/constraint";
import { EngineRequestError } from "../errors.ts";
import type { AnswerReader } from "../parsers/answer/create-answer-reader.ts";
import type { CallWriter } from "../parsers/tools/tool-format.ts";
import type { AnswerParts } from "./open-answers.ts";

/** Calls that are enforced token by token. */
export interface EnforcedCalls {
  /** Every answer has a call; otherwise it may be content. */
  readonly isRequired: boolean;
  /** The field of the request that asks for it. */
  readonly param: string;
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
  reader: AnswerReader,
): ConstraintSource | undefined {
  const { tools, enforced, maxCalls = maxParallelCalls } = parts ?? {};
  if (tools === undefined || (enforced === undefined && content === undefined)) return content;
  const { isRequired = false, param = "constraint" } = enforced ?? {};
  const { tools: format } = reader.format;
  const writer = format?.writer;
  if (format === undefined || writer === undefined) {
    const got = format === undefined ? "none" : `\`${format.name}\``;
    throw unsupported(param, "a model whose format of calls can be enforced (see docs/tools.md)", got);
  }
  const hasToken = (text: string): boolean => reader.callTokenIds.has(text);
  const calls = writer.calls({
    tools: tools.map(({ name, argumentsSource = anyObject }) => ({ name, arguments: argumentsSource })),
    maxCalls: Math.min(maxCalls, maxParallelCalls),
    mark: (text) => (hasToken(text) ? { token: text } : { literal: text }),
    hasToken,
  });
  if (isRequired) return { sequence: [beforeCalls, calls] };
  const other =
    content === undefined ? textOf(writer, param, format.name) : contentOf(writer, content, format.name);
  return content === undefined
    ? { sequence: [other, { repeat: calls, min: 0, max: 1 }] }
    : { anyOf: [{ sequence: [beforeCalls, calls] }, other] };
}

/** White space between reasoning and calls. */
const beforeCalls: ConstraintSource = { repeat: { literal: "\n" }, min: 0, max: 2 };

/** Text before calls, or without any. */
function textOf({ startMarks }: CallWriter, param: string, name: string): ConstraintSource {
  if (startMarks !== undefined) return { textWithout: startMarks };
  throw unsupported(param, "a model whose calls begin with a mark, unless a call is required", `\`${name}\``);
}

/** Content that no call is found in. */
function contentOf(
  { startMarks, needsQuotes }: CallWriter,
  content: ConstraintSource,
  name: string,
): ConstraintSource {
  const isJson = "jsonSchema" in content || "jsonObject" in content;
  if (startMarks !== undefined && needsQuotes === true && isJson) return content;
  const expected =
    "JSON and a model whose calls cannot be within it, or no tools that may be called beside it";
  throw unsupported("constraint", expected, `the format of calls \`${name}\``);
}

function unsupported(param: string, expected: string, got: string): EngineRequestError {
  const message = `\`${param}\`: expected ${expected}, got ${got}`;
  return new EngineRequestError({ code: "UNSUPPORTED_PARAMETER", message, param });
}
