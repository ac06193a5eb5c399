import { eventsOf, supported, type Answer, type StreamEvent } from "./answer.ts";
import { question } from "./chat-requests.ts";
import { CaseEnd } from "./conformance-case.ts";
import type { ProbedServer } from "./probed-server.ts";
import { elementsAt, valueAt } from "./json-values.ts";
import { look } from "./tool-requests.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Asks for a short greedy response. */
export function askResponse(server: ProbedServer, fields: Fields = {}): Promise<Answer> {
  const body = { model: server.model, input: [question], max_output_tokens: 16, temperature: 0, ...fields };
  return server.post("/responses", body);
}

/** A short response. @throws CaseEnd */
export async function wholeResponse(server: ProbedServer): Promise<unknown> {
  return supported(await askResponse(server)).json;
}

/** The events of a short response. @throws CaseEnd */
export async function streamedResponse(server: ProbedServer): Promise<readonly StreamEvent[]> {
  await wholeResponse(server);
  return eventsOf(supported(await askResponse(server, { stream: true })));
}

const callFields: Fields = {
  input: [{ role: "user", content: "Look into the den for the fox: call the tool look." }],
  max_output_tokens: 500,
  tools: [{ type: "function", strict: false, ...(valueAt(look, "function") as object) }],
  tool_choice: "required",
  parallel_tool_calls: false,
};

function assertEnded(response: unknown): void {
  if (valueAt(response, "status") === "incomplete") {
    throw new CaseEnd("skipped", "the answer had not ended after 500 tokens");
  }
}

/** The items of a response with a call. @throws CaseEnd */
export async function responseWithCall(server: ProbedServer): Promise<readonly unknown[]> {
  const { json } = supported(await askResponse(server, callFields));
  assertEnded(json);
  return elementsAt(json, "output");
}

/** The events of a response with a call. @throws CaseEnd */
export async function streamedCall(server: ProbedServer): Promise<readonly StreamEvent[]> {
  await responseWithCall(server);
  const events = eventsOf(supported(await askResponse(server, { ...callFields, stream: true })));
  assertEnded(valueAt(events.at(-1)?.json, "response"));
  return events;
}
