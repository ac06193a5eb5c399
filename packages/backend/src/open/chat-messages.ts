import type { ChatTemplateMessage } from "@infernode/models";
import { z } from "zod";
import { parseOptions } from "../conversation/parse-options.ts";
import { invalidField } from "../conversation/rejections.ts";

/** A call of a tool that an answer has. */
export interface ChatCall {
  readonly id: string;
  readonly name: string;
  /** Parsed; `undefined` where the text is no JSON object, as in an answer that was cut off. */
  readonly arguments: Readonly<Record<string, unknown>> | undefined;
  /** As the model wrote them. */
  readonly argumentsText: string;
}

/** A message of a conversation. The message of an answer is one too. */
export type ChatMessage =
  | { readonly role: "system" | "user"; readonly content: string }
  | {
      readonly role: "assistant";
      readonly content: string | null;
      /** For templates that show it. */
      readonly reasoning?: string | undefined;
      readonly calls?: readonly ChatCall[] | undefined;
    }
  /** The result of a call. */
  | { readonly role: "tool"; readonly callId: string; readonly content: string };

const text = z.string({ error: "a string" });
const call = z.strictObject(
  {
    id: text,
    name: text,
    arguments: z.looseObject({}, { error: "an object" }).optional(),
    argumentsText: text,
  },
  { error: "a call" },
) as unknown as z.ZodType<ChatCall>;

const message: z.ZodType<ChatMessage> = z.discriminatedUnion(
  "role",
  [
    z.strictObject({ role: z.enum(["system", "user"]), content: text }),
    z.strictObject({
      role: z.literal("assistant"),
      content: z.union([text, z.null()], { error: "a string or null" }),
      reasoning: text.optional(),
      calls: z.array(call, { error: "an array of calls" }).optional(),
    }),
    z.strictObject({ role: z.literal("tool"), callId: text, content: text }),
  ],
  { error: 'a message with a role of "system", "user", "assistant" or "tool"' },
);

const messages = z
  .array(message, { error: "a string or an array of messages" })
  .min(1, { error: "a message" });

function toTemplateMessage(
  given: ChatMessage,
  names: Map<string, string>,
  index: number,
): ChatTemplateMessage {
  if (given.role === "tool") {
    const { callId, content } = given;
    const name = names.get(callId);
    if (name === undefined) {
      throw invalidField(`messages[${index}].callId`, "the id of a call in a message before", callId);
    }
    return { role: "tool", name, content, tool_call_id: callId };
  }
  if (given.role !== "assistant") return { role: given.role, content: given.content };
  const { content, reasoning, calls = [] } = given;
  for (const { id, name } of calls) names.set(id, name);
  return {
    role: "assistant",
    content: content ?? (calls.length > 0 ? null : ""),
    ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0
      ? {}
      : {
          tool_calls: calls.map(({ id, name, argumentsText }) => ({
            id,
            type: "function",
            function: { name, arguments: argumentsText },
          })),
        }),
  };
}

/**
 * Checks messages, and makes those that chat templates read.
 * @param given a text is the message of a user
 * @throws EngineRequestError `INVALID_REQUEST`
 */
export function toTemplateMessages(given: string | readonly ChatMessage[]): readonly ChatTemplateMessage[] {
  if (typeof given === "string") return [{ role: "user", content: given }];
  const names = new Map<string, string>();
  return parseOptions(given, messages, "messages").map((each, index) =>
    toTemplateMessage(each, names, index),
  );
}
