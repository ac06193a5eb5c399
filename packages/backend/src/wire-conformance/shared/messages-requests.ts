import { eventsOf, supported, type Answer, type StreamEvent } from "./answer.ts";
import { question } from "./chat-requests.ts";
import { CaseEnd } from "./conformance-case.ts";
import type { ProbedServer } from "./probed-server.ts";
import { valueAt } from "./json-values.ts";
import { look } from "./tool-requests.ts";

type Fields = Readonly<Record<string, unknown>>;

const headers = { "anthropic-version": "2023-06-01" };

/** The tool `look` in Anthropic's form. */
export const lookTool: Fields = {
  name: "look",
  description: valueAt(look, "function", "description"),
  input_schema: valueAt(look, "function", "parameters"),
};

/** Asks for a short greedy message. */
export function askMessage(server: ProbedServer, fields: Fields = {}): Promise<Answer> {
  const body = { model: server.model, max_tokens: 16, messages: [question], temperature: 0, ...fields };
  return server.post("/messages", body, { headers });
}

/** Counts the tokens of its prompt. */
export function countTokens(server: ProbedServer): Promise<Answer> {
  const body = { model: server.model, messages: [question] };
  return server.post("/messages/count_tokens", body, { headers });
}

/** A short message. @throws CaseEnd */
export async function wholeMessage(server: ProbedServer): Promise<unknown> {
  return supported(await askMessage(server)).json;
}

/** The events of a short message. @throws CaseEnd */
export async function streamedMessage(server: ProbedServer): Promise<readonly StreamEvent[]> {
  await wholeMessage(server);
  return eventsOf(supported(await askMessage(server, { stream: true })));
}

const callFields: Fields = {
  messages: [{ role: "user", content: "Look into the den for the fox: call the tool look." }],
  max_tokens: 500,
  tools: [lookTool],
  tool_choice: { type: "any", disable_parallel_tool_use: true },
};

/** A message with a call. @throws CaseEnd */
export async function messageWithCall(server: ProbedServer): Promise<unknown> {
  const { json } = supported(await askMessage(server, callFields));
  if (valueAt(json, "stop_reason") === "max_tokens") {
    throw new CaseEnd("skipped", "the answer had not ended after 500 tokens");
  }
  return json;
}

/** The events of a message with a call. @throws CaseEnd */
export async function streamedMessageCall(server: ProbedServer): Promise<readonly StreamEvent[]> {
  await messageWithCall(server);
  return eventsOf(supported(await askMessage(server, { ...callFields, stream: true })));
}
