import { chunksOf, supported, type Answer } from "./answer.ts";
import { askChat, chatPath, question } from "./chat-requests.ts";
import { CaseEnd } from "./conformance-case.ts";
import type { ProbedServer } from "./probed-server.ts";
import { elementsAt, valueAt } from "./json-values.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The places that the tool `look` takes. */
export const places: readonly string[] = ["den", "burrow"];

const schema = {
  $schema: "http://json-schema.org/draft-07/schema#",
  type: "object",
  properties: { place: { type: "string", enum: places } },
  required: ["place"],
  additionalProperties: false,
};

/** As the AI SDK sends it. */
export const look: Fields = {
  type: "function",
  function: { name: "look", description: "Looks into a place for the fox.", parameters: schema },
};
export const wait: Fields = {
  type: "function",
  function: {
    name: "wait",
    description: "Waits for the fox.",
    parameters: { type: "object", properties: {}, additionalProperties: false },
  },
};

/** Enough for a call with much white space. */
const maxTokens = 500;

/** Asks for a call. */
export function askCalls(server: ProbedServer, fields: Fields = {}): Promise<Answer> {
  return askChat(server, {
    messages: [{ role: "user", content: "Look into the den for the fox: call the tool look." }],
    max_tokens: maxTokens,
    tools: [look],
    tool_choice: "required",
    ...fields,
  });
}

/** The calls of a whole answer. @throws CaseEnd `skipped` if it was cut off */
export function callsOf({ json }: Answer): readonly unknown[] {
  if (valueAt(json, "choices", 0, "finish_reason") === "length") {
    throw new CaseEnd("skipped", `the answer had not ended after ${maxTokens} tokens`);
  }
  return elementsAt(json, "choices", 0, "message", "tool_calls");
}

/** An answer with calls: required ones, or, where a server does not know that, those that the model makes. */
async function answerWithCalls(server: ProbedServer, fields: Fields): Promise<Answer> {
  const required = await askCalls(server, fields);
  if (required.status === 200 && callsOf(required).length > 0) return required;
  const auto = supported(await askCalls(server, { tool_choice: "auto", ...fields }));
  if (callsOf(auto).length > 0) return auto;
  throw new CaseEnd("skipped", "the model made no call, so none could be looked at");
}

/** A whole answer with a call. @throws CaseEnd */
export function wholeCalls(server: ProbedServer): Promise<Answer> {
  return answerWithCalls(server, { parallel_tool_calls: false });
}

/** The deltas with calls of a stream, and its finish reason. @throws CaseEnd */
export async function streamedCalls(
  server: ProbedServer,
): Promise<{ readonly deltas: readonly unknown[]; readonly reason: unknown }> {
  const whole = await wholeCalls(server);
  const choice = (await askCalls(server, { parallel_tool_calls: false })) === whole ? "required" : "auto";
  const fields = { parallel_tool_calls: false, tool_choice: choice, stream: true };
  const choices = chunksOf(supported(await askCalls(server, fields))).flatMap((chunk) =>
    elementsAt(chunk, "choices"),
  );
  const reason = choices
    .map((each) => valueAt(each, "finish_reason"))
    .findLast((each) => typeof each === "string");
  if (reason === "length") {
    throw new CaseEnd("skipped", `the answer had not ended after ${maxTokens} tokens`);
  }
  return { deltas: choices.flatMap((each) => elementsAt(each, "delta", "tool_calls")), reason };
}

/** A conversation whose last message is the result of a call. */
export function askAfterResult(server: ProbedServer): Promise<Answer> {
  const call = { id: "call_1", type: "function", function: { name: "look", arguments: '{"place":"den"}' } };
  return server.post(chatPath, {
    model: server.model,
    max_tokens: 16,
    temperature: 0,
    tools: [look],
    messages: [
      question,
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "call_1", content: "A fox sleeps here." },
    ],
  });
}
