import { z } from "zod";
import {
  arrayField,
  flagField,
  mapField,
  nullIsAbsent,
  objectField,
  textField,
} from "../../shared/body/fields.ts";
import type { JsonMap } from "../../shared/json-schema.ts";

/** As many as in OpenAI's format. */
const maxMessages = 2048;
const maxBlocks = 10_000;

export interface TextBlock {
  readonly type: "text";
  readonly text: string;
}

/** Reasoning that an answer had. */
export interface ThinkingBlock {
  readonly type: "thinking";
  readonly thinking: string;
}

/** A call that an answer had. */
export interface ToolUseBlock {
  readonly type: "tool_use";
  readonly id: string;
  readonly name: string;
  readonly input: JsonMap;
}

/** What a call returned. */
export interface ToolResultBlock {
  readonly type: "tool_result";
  readonly tool_use_id: string;
  readonly content?: TextContent | undefined;
}

/** A text, or blocks that are joined. */
export type TextContent = string | readonly TextBlock[];

export interface UserMessage {
  readonly role: "user";
  readonly content: string | readonly (TextBlock | ToolResultBlock)[];
}

export interface AssistantMessage {
  readonly role: "assistant";
  readonly content: string | readonly (TextBlock | ThinkingBlock | ToolUseBlock)[];
}

/** Instructions in the midst of a conversation. */
export interface SystemMessage {
  readonly role: "system";
  readonly content: TextContent;
}

export type Message = UserMessage | AssistantMessage | SystemMessage;

/** Marks for the caches of other servers, and what answers say besides their text. */
const ignored = z.unknown().describe("Has no effect.").optional();

const textFields = {
  type: z.literal("text", { error: 'a block of type "text", as the model reads text only' }),
  text: textField("The text."),
  cache_control: ignored,
  citations: ignored,
};

const textBlock: z.ZodType<TextBlock> = objectField(textFields, "a text block");

/** A text, or blocks of it. */
export const textContentField: z.ZodType<TextContent> = z.union(
  [z.string(), arrayField(textBlock, { max: maxBlocks, of: "text blocks" })],
  { error: "a string or an array of text blocks" },
);

const toolResult = z.strictObject({
  type: z.literal("tool_result"),
  tool_use_id: textField("The call that it answers."),
  content: textContentField.optional(),
  is_error: flagField("Has no effect: the model reads the content.").optional(),
  cache_control: ignored,
});

const thinking = z.strictObject({
  type: z.literal("thinking"),
  thinking: textField("For templates that show it."),
  signature: ignored,
});

const toolUse = z.strictObject({
  type: z.literal("tool_use"),
  id: textField("The id of the call."),
  name: textField("The tool."),
  input: mapField({}, "Its arguments."),
  caller: ignored,
  cache_control: ignored,
});

function contentField<Block>(block: z.ZodType<Block>): z.ZodType<string | readonly Block[]> {
  const blocks = arrayField(nullIsAbsent(block), { min: 1, max: maxBlocks, of: "blocks" });
  return z.union([z.string(), blocks], { error: "a string or an array of blocks" });
}

const userBlock: z.ZodType<TextBlock | ToolResultBlock> = z.discriminatedUnion(
  "type",
  [z.strictObject(textFields), toolResult],
  { error: 'a block of type "text" or "tool_result", as the model reads text only' },
);

const assistantBlock: z.ZodType<TextBlock | ThinkingBlock | ToolUseBlock> = z.discriminatedUnion(
  "type",
  [z.strictObject(textFields), thinking, toolUse],
  { error: 'a block of type "text", "thinking" or "tool_use"' },
);

const message: z.ZodType<Message> = nullIsAbsent(
  z.discriminatedUnion(
    "role",
    [
      z.strictObject({ role: z.literal("user"), content: contentField(userBlock) }),
      z.strictObject({ role: z.literal("assistant"), content: contentField(assistantBlock) }),
      z.strictObject({ role: z.literal("system"), content: textContentField }),
    ],
    { error: 'a message with a role of "user", "assistant" or "system"' },
  ),
);

/** The conversation of a request. */
export const messagesField: z.ZodType<readonly Message[]> = arrayField(message, {
  min: 1,
  max: maxMessages,
  of: "messages",
}).describe("The conversation so far. A final message of the assistant is continued.");
