import { isJsonObject } from "../files/json-shape.ts";
import type { ChatTemplateMessage, ChatTemplateOptions } from "./chat-template.ts";
import { PythonJsonError, readPythonJson, type PythonJson } from "./values/read-python-json.ts";

type Given = Pick<ChatTemplateOptions, "variables" | "variablesJson" | "readsToolArguments">;

/** What a client gave to a template, as plain values and as values read from JSON text. */
export interface TemplateInput {
  readonly messages: readonly ChatTemplateMessage[];
  readonly variables: ReadonlyMap<string, unknown>;
}

/**
 * Reads the JSON texts among what a template is given.
 * @throws Error naming the text that is not what it must be
 */
export function readTemplateInput(messages: readonly ChatTemplateMessage[], given: Given): TemplateInput {
  const { variables = {}, variablesJson, readsToolArguments = false } = given;
  const more = variablesJson === undefined ? new Map<string, PythonJson>() : readVariables(variablesJson);
  return {
    messages: readsToolArguments ? messages.map(withToolArguments) : messages,
    variables: new Map([...Object.entries(variables), ...more]),
  };
}

function readVariables(text: string): ReadonlyMap<string, PythonJson> {
  const value = readPythonJson(text);
  if (!(value instanceof Map)) throw new Error("expected variables in a JSON object, found something else");
  assertUnicode(text, "the variables");
  return value as ReadonlyMap<string, PythonJson>;
}

function withToolArguments(message: ChatTemplateMessage, index: number): ChatTemplateMessage {
  const { tool_calls: calls } = message;
  if (!Array.isArray(calls)) return message;
  const read = calls.map((call: unknown, callIndex) =>
    withArguments(call, `messages[${index}].tool_calls[${callIndex}].function.arguments`),
  );
  return { ...message, tool_calls: read };
}

function withArguments(call: unknown, place: string): unknown {
  if (!isJsonObject(call) || !isJsonObject(call["function"])) return call;
  const { arguments: text } = call["function"];
  return typeof text === "string"
    ? { ...call, function: { ...call["function"], arguments: readArguments(text, place) } }
    : call;
}

/** Templates want an object; what is neither an object nor an array stays the text that it is. */
function readArguments(text: string, place: string): PythonJson {
  if (!/^[ \t\n\r]*[[{]/.test(text)) return text;
  try {
    const value = readPythonJson(text);
    assertUnicode(text, place);
    return value;
  } catch (error) {
    if (error instanceof PythonJsonError) return text;
    throw error;
  }
}

/** An escape can spell half of a surrogate pair, which no tokenizer takes. */
function assertUnicode(text: string, place: string): void {
  const escapes = text
    .replaceAll(/\\(?!u)./g, "")
    .replaceAll(/\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}/g, "");
  if (/\\u[dD][89a-fA-F]/.test(escapes)) {
    throw new Error(`expected Unicode text in ${place}, found half of a surrogate pair`);
  }
}
