import { z } from "zod";
import { arrayField, nullIsAbsent, objectField, textField } from "../../shared/body/fields.ts";

/** Of a conversation that is answered. */
export const maxItems = 2048;
const maxParts = 10_000;

/** A piece of text. */
export interface InputPart {
  readonly type: "input_text" | "output_text";
  readonly text: string;
}

/** A text, or parts that are joined. */
export type InputContent = string | readonly InputPart[];

interface Identified {
  /** An empty one is none. */
  readonly id?: string | undefined;
}

/** What was said. */
export interface MessageInput extends Identified {
  readonly type?: "message" | undefined;
  readonly role: "system" | "developer" | "user" | "assistant";
  readonly content: InputContent;
}

/** What the model thought. */
export interface ReasoningInput extends Identified {
  readonly type: "reasoning";
  readonly summary?: readonly { readonly text: string }[] | undefined;
  readonly content?: readonly { readonly text: string }[] | undefined;
}

/** A call that the model made; `arguments` is JSON text. */
export interface CallInput extends Identified {
  readonly type: "function_call";
  readonly call_id: string;
  readonly name: string;
  readonly arguments: string;
}

/** The result of a call. */
export interface CallOutputInput extends Identified {
  readonly type: "function_call_output";
  readonly call_id: string;
  readonly output: InputContent;
}

/** One item of a conversation. */
export type ConversationItem = MessageInput | ReasoningInput | CallInput | CallOutputInput;

/** An item that is stored. */
export interface ItemReference {
  readonly type: "item_reference";
  readonly id: string;
}

/** One item of a request. */
export type InputItem = ConversationItem | ItemReference;

/** Fields of answers and what clients add to them, so that answers can be sent back as they are. */
const ignored = z.unknown().describe("Has no effect.").optional();
const maxIdCharacters = 256;
const idForm = `a string of at most ${maxIdCharacters} characters`;
const itemId = z.string({ error: idForm }).max(maxIdCharacters, { error: idForm });
const itemFields = { id: itemId.describe("The id under which it is stored.").optional(), status: ignored };

const part: z.ZodType<InputPart> = nullIsAbsent(
  z.strictObject({
    type: z.enum(["input_text", "output_text"], {
      error: 'a part of type "input_text" or "output_text", as the model reads text only',
    }),
    text: textField("The text."),
    annotations: ignored,
    logprobs: ignored,
    parsed: ignored,
    prompt_cache_breakpoint: ignored,
  }),
);

const content: z.ZodType<InputContent> = z.union(
  [z.string(), arrayField(part, { min: 1, max: maxParts, of: "text parts" })],
  { error: "a string or an array of text parts" },
);

function textsOf(type: string): z.ZodType<readonly { readonly text: string }[]> {
  const text = objectField({ type: z.literal(type, { error: `"${type}"` }), text: textField("The text.") });
  return arrayField(text, { max: maxParts, of: "texts" });
}

const message = z.strictObject({
  ...itemFields,
  type: z.literal("message").optional(),
  role: z.enum(["system", "developer", "user", "assistant"], {
    error: '"system", "developer", "user" or "assistant"',
  }),
  content,
  phase: ignored,
});

const callId = textField("The id of the call.");

const conversationItems = [
  message,
  z.strictObject({
    ...itemFields,
    type: z.literal("reasoning"),
    summary: textsOf("summary_text").optional(),
    content: textsOf("reasoning_text").optional(),
    encrypted_content: ignored,
  }),
  z.strictObject({
    ...itemFields,
    type: z.literal("function_call"),
    call_id: callId,
    name: textField("The function."),
    arguments: textField("Its arguments as JSON text."),
    parsed_arguments: ignored,
  }),
  z.strictObject({
    ...itemFields,
    type: z.literal("function_call_output"),
    call_id: callId,
    output: content,
  }),
] as const;

/** How an item of a conversation is checked. */
export const conversationItemField: z.ZodType<ConversationItem> = nullIsAbsent(
  z.discriminatedUnion("type", conversationItems, {
    error: '"message", "reasoning", "function_call" or "function_call_output"',
  }),
) as z.ZodType<ConversationItem>;

const reference = z.strictObject({
  type: z.literal("item_reference"),
  id: itemId.describe("The id of an item that is stored."),
});

const item = nullIsAbsent(
  z.discriminatedUnion("type", [...conversationItems, reference], {
    error: '"message", "reasoning", "function_call", "function_call_output" or "item_reference"',
  }),
) as z.ZodType<InputItem>;

/** The conversation of a request. */
export const inputField: z.ZodType<string | readonly InputItem[]> = z
  .union([z.string(), arrayField(item, { min: 1, max: maxItems, of: "items" })], {
    error: "a string or an array of items",
  })
  .describe("What the model answers: a text of the user, or the items of the conversation so far.");
