import { JsonSyntaxError } from "../files/json-scanner.ts";
import { isJsonObject } from "../files/json-shape.ts";
import type { ChatTemplateMessage, ChatTemplateOptions } from "./chat-template.ts";
import { readPythonJson, type PythonJson } from "./values/read-python-json.ts";

type Given = Pick<ChatTemplateOptions, "variables" | "variablesJson" | "toolsJson" | "readsToolArguments">;

/** The input of a template: plain values, and values read from JSON text. */
export interface TemplateInput {
  readonly messages: readonly ChatTemplateMessage[];
  readonly variables: ReadonlyMap<string, unknown>;
}

/**
 * Reads the JSON texts of a template's input.
 * @throws Error naming the text that is invalid
 */
export function readTemplateInput(messages: readonly ChatTemplateMessage[], given: Given): TemplateInput {
  const { variables = {}, variablesJson, toolsJson, readsToolArguments = false } = given;
  const more = variablesJson === undefined ? new Map<string, PythonJson>() : readVariables(variablesJson);
  return {
    messages: readsToolArguments ? messages.map(withToolArguments) : messages,
    variables: new Map([
      ...Object.entries(variables),
      ...more,
      ...(toolsJson === undefined ? [] : ([["tools", readTools(toolsJson)]] as const)),
    ]),
  };
}

function readVariables(text: string): ReadonlyMap<string, PythonJson> {
  const value = readPythonJson(text);
  if (!(value instanceof Map)) throw new Error("variables: expected a JSON object, got another value");
  assertUnicode(text, "the variables");
  return value as ReadonlyMap<string, PythonJson>;
}

function readTools(text: string): PythonJson {
  const value = readPythonJson(text);
  if (!Array.isArray(value)) throw new Error("tools: expected a JSON array, got another value");
  assertUnicode(text, "the tools");
  return value as PythonJson;
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

/** Templates expect an object; a text that is neither an object nor an array stays a string. */
function readArguments(text: string, place: string): PythonJson {
  if (!/^[ \t\n\r]*[[{]/.test(text)) return text;
  try {
    const value = readPythonJson(text);
    assertUnicode(text, place);
    return value;
  } catch (error) {
    if (error instanceof JsonSyntaxError) return text;
    throw error;
  }
}

/** A JSON escape can write a lone surrogate, which no tokenizer encodes. */
function assertUnicode(text: string, place: string): void {
  const escapes = text
    .replaceAll(/\\(?!u)./g, "")
    .replaceAll(/\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}/g, "");
  if (/\\u[dD][89a-fA-F]/.test(escapes)) {
    throw new Error(`${place}: expected Unicode text, got a lone surrogate`);
  }
}
