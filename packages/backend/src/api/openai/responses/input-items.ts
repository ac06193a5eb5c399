import { z } from "zod";
import { isRecord } from "../../../is-record.ts";
import { ApiError } from "../../shared/api-error.ts";
import { arrayField, nullIsAbsent, objectField, textField } from "../../shared/body/fields.ts";

const maxItems = 2048;
const maxParts = 10_000;

/** A piece of text. */
export interface InputPart {
  readonly type: "input_text" | "output_text";
  readonly text: string;
}

/** A text, or parts that are joined. */
export type InputContent = string | readonly InputPart[];

/** What was said. */
export interface MessageInput {
  readonly type?: "message" | undefined;
  readonly role: "system" | "developer" | "user" | "assistant";
  readonly content: InputContent;
}

/** What the model thought. */
export interface ReasoningInput {
  readonly type: "reasoning";
  readonly summary?: readonly { readonly text: string }[] | undefined;
  readonly content?: readonly { readonly text: string }[] | undefined;
}

/** A call that the model made; `arguments` is JSON text. */
export interface CallInput {
  readonly type: "function_call";
  readonly call_id: string;
  readonly name: string;
  readonly arguments: string;
}

/** The result of a call. */
export interface CallOutputInput {
  readonly type: "function_call_output";
  readonly call_id: string;
  readonly output: InputContent;
}

/** One item of a conversation. */
export type InputItem = MessageInput | ReasoningInput | CallInput | CallOutputInput;

/** Fields of answers and what clients add to them, so that answers can be sent back as they are. */
const ignored = z.unknown().describe("Has no effect.").optional();
const itemFields = { id: ignored, status: ignored };

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

const item = nullIsAbsent(
  z.discriminatedUnion(
    "type",
    [
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
    ],
    { error: '"message", "reasoning", "function_call" or "function_call_output"' },
  ),
) as z.ZodType<InputItem>;

/** The conversation of a request. */
export const inputField: z.ZodType<string | readonly InputItem[]> = z
  .union([z.string(), arrayField(item, { min: 1, max: maxItems, of: "items" })], {
    error: "a string or an array of items",
  })
  .describe("What the model answers: a text of the user, or the items of the conversation so far.");

/** Rejects by name what OpenAI's API knows and a server that stores nothing cannot have. @throws ApiError 400 */
export function assertNoReferences(input: unknown): void {
  if (!Array.isArray(input)) return;
  const index = input.findIndex((each: unknown) => isRecord(each) && each["type"] === "item_reference");
  if (index < 0) return;
  const message =
    `Unsupported parameter: \`input[${index}]\` is not supported: answers are not stored, so an item_reference ` +
    "refers to nothing; send the item itself, as clients do with `store: false`";
  throw new ApiError("unsupported_parameter", message, { param: `input[${index}]` });
}
