import { EngineRequestError } from "../../errors.ts";
import { isRecord } from "../../is-record.ts";
import type { GenerateInput } from "../../operations/generate.ts";
import type { AnswerParts } from "../../operations/open-answers.ts";
import type { Prompt } from "../../operations/prompt.ts";
import { writeConstraint } from "./write-constraint.ts";
import { writeToolChoice } from "./write-tool-choice.ts";
import { parameters, type Dialect, type ParameterName } from "./dialect.ts";

/** The fields of a body as JSON texts. */
export type BodyFields = Map<string, string>;

/** Joins a body; its texts may contain numbers that no double can represent. */
export function toBody(fields: BodyFields): string {
  return `{${[...fields].map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(",")}}`;
}

function unsupported(param: string, dialect: Dialect, expected: string): EngineRequestError {
  const message = `\`${param}\`: expected ${expected}, as the server (${dialect.name}) takes no other`;
  return new EngineRequestError({ code: "UNSUPPORTED_PARAMETER", message, param });
}

/** Whether a value is absent or has no effect. */
function isNeutral(value: unknown, neutral: unknown): boolean {
  return value === undefined || value === neutral || (Array.isArray(value) && value.length === 0);
}

function put(fields: BodyFields, dialect: Dialect, [name, value]: readonly [ParameterName, unknown]): void {
  const { path, neutral } = parameters[name];
  const field = dialect.fields[name];
  if (value === undefined) return;
  if (field !== undefined) {
    fields.set(field, JSON.stringify(value));
  } else if (!isNeutral(value, neutral)) {
    throw unsupported(path, dialect, neutral === undefined ? "nothing" : JSON.stringify(neutral));
  }
}

/** A seed as a signed 64-bit integer, which servers expect; counts modulo 2⁶⁴. */
function seedJson(seed: number | bigint, dialect: Dialect): string {
  const digits = BigInt.asIntN(64, BigInt(seed));
  if (dialect.seedBits === 32 && BigInt.asUintN(32, digits) !== digits) {
    throw unsupported(parameters.seed.path, dialect, "an integer of 32 bits");
  }
  return digits.toString();
}

function putSampling(fields: BodyFields, { sampling = {}, ...input }: GenerateInput, dialect: Dialect): void {
  const { logitBias, seed, ...numbers } = sampling;
  const { stopping = {}, badWords, truncatePromptTokens, n, promptLogprobs, skipSpecialTokens } = input;
  const values = {
    ...numbers,
    ...stopping,
    badWords,
    truncatePromptTokens,
    n,
    promptLogprobs,
    skipSpecialTokens,
  };
  for (const entry of Object.entries(values)) put(fields, dialect, entry as [ParameterName, unknown]);
  if (logitBias !== undefined && logitBias.size > 0) {
    put(fields, dialect, ["logitBias", Object.fromEntries(logitBias)]);
  }
  if (seed !== undefined) fields.set(dialect.fields.seed ?? "seed", seedJson(seed, dialect));
}

/** In OpenAI's format, the arguments of tool calls are JSON text. */
function toMessage(message: Readonly<Record<string, unknown>>): unknown {
  const calls = message["tool_calls"];
  if (!Array.isArray(calls)) return message;
  const written = calls.map((call: unknown) => {
    const called = isRecord(call) ? call["function"] : undefined;
    if (!isRecord(call) || !isRecord(called) || typeof called["arguments"] === "string") return call;
    const text = JSON.stringify(called["arguments"] ?? {});
    return Object.assign({}, call, { function: Object.assign({}, called, { arguments: text }) });
  });
  return { ...message, tool_calls: written };
}

/** Writes the messages of a prompt and the options of the chat template. @throws EngineRequestError `UNSUPPORTED_PARAMETER` */
export function putMessages(
  fields: BodyFields,
  { messages, options = {} }: Extract<Prompt, { kind: "chat" }>,
  dialect: Dialect,
): void {
  const { addGenerationPrompt, continueFinalMessage = false, variables = {} } = options;
  const { variablesJson, toolsJson } = options;
  fields.set("messages", JSON.stringify(messages.map(toMessage)));
  put(fields, dialect, ["addGenerationPrompt", continueFinalMessage ? false : addGenerationPrompt]);
  put(fields, dialect, ["continueFinalMessage", continueFinalMessage]);
  if (toolsJson !== undefined) fields.set("tools", toolsJson);
  const names = Object.keys(variables);
  if (variablesJson === undefined) {
    if (names.length > 0) put(fields, dialect, ["variables", variables]);
    return;
  }
  if (names.length > 0) {
    throw unsupported(parameters.variables.path, dialect, "nothing beside `variablesJson`");
  }
  put(fields, dialect, ["variables", {}]);
  // Verbatim: keeps the order of keys, `1.0` and large integers.
  fields.set(dialect.fields.variables ?? "", variablesJson);
}

/** Writes which calls answers may or must have. @throws EngineRequestError `UNSUPPORTED_PARAMETER` */
function putCalls(fields: BodyFields, parts: AnswerParts, dialect: Dialect): void {
  if (parts.maxCalls === 1) fields.set("parallel_tool_calls", "false");
  if (parts.enforced === undefined) return;
  const choice = writeToolChoice(parts, { dialect, toolsJson: fields.get("tools") ?? "[]" });
  if (choice === undefined) throw unsupported(parts.enforced.param, dialect, "calls that are not enforced");
  fields.set("tool_choice", JSON.stringify(choice));
}

/**
 * Writes a generation as a request to a server with OpenAI's API.
 * @throws EngineRequestError `UNSUPPORTED_PARAMETER` if the server would ignore a parameter
 */
export function writeGeneration(
  input: GenerateInput,
  modelId: string,
  dialect: Dialect,
): { readonly path: string; readonly body: string } {
  const { prompt, logprobs } = input;
  const fields: BodyFields = new Map([["model", JSON.stringify(modelId)]]);
  const isChat = prompt.kind === "chat";
  if (prompt.kind === "chat") {
    putMessages(fields, prompt, dialect);
  } else if (prompt.kind === "tokens") {
    fields.set("prompt", JSON.stringify(prompt.tokenIds));
  } else {
    fields.set("prompt", JSON.stringify(prompt.text));
    put(fields, dialect, ["addSpecialTokens", prompt.addSpecialTokens]);
  }
  if (input.parts !== undefined) {
    putCalls(fields, input.parts, dialect);
    put(fields, dialect, ["reasoningBudget", input.parts.reasoningBudget]);
  }
  putSampling(fields, input, dialect);
  if (input.constraint !== undefined) {
    const written = writeConstraint(input.constraint, { dialect, isChat });
    if (written === undefined) throw unsupported("constraint", dialect, "nothing");
    fields.set(written[0], JSON.stringify(written[1]));
  }
  if (logprobs !== undefined) {
    const count = JSON.stringify(Math.max(logprobs, dialect.leastAlternatives));
    if (isChat) fields.set("logprobs", "true").set("top_logprobs", count);
    else fields.set("logprobs", count);
  }
  if (input.prediction !== undefined) {
    if (!isChat) throw unsupported("prediction", dialect, "nothing without messages");
    put(fields, dialect, ["prediction", { type: "content", content: input.prediction }]);
  }
  if (dialect.tellsTokenIds) fields.set("return_token_ids", "true");
  fields.set("stream", "true").set("stream_options", JSON.stringify({ include_usage: true }));
  return { path: isChat ? "/v1/chat/completions" : "/v1/completions", body: toBody(fields) };
}
