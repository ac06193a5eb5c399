import { z } from "zod";
import { flagField, mapField, textField, type FieldsOf, type JsonMap } from "./fields.ts";
import { messagesField, type Message } from "./messages-schema.ts";
import type { BodyRules } from "./parse-body.ts";

/** The body of `POST /tokenize`: a prompt or messages. */
export interface TokenizeBody {
  readonly model: string | undefined;
  readonly prompt: string | undefined;
  readonly add_special_tokens: boolean | undefined;
  readonly messages: readonly Message[] | undefined;
  readonly add_generation_prompt: boolean | undefined;
  readonly chat_template_kwargs: JsonMap | undefined;
}

const fields: FieldsOf<TokenizeBody> = {
  model: textField("The served model; may be left out.").optional(),
  prompt: textField("A text.").optional(),
  add_special_tokens: flagField(
    "Lets the tokenizer put its special tokens around the prompt. Default true.",
  ).optional(),
  messages: messagesField.optional(),
  add_generation_prompt: flagField("Ends the prompt with the opening of an answer. Default true.").optional(),
  chat_template_kwargs: mapField({}, "More variables for the chat template.").optional(),
};

/** How it is checked. */
export const tokenizeRules: BodyRules<TokenizeBody> = {
  schema: z.strictObject(fields, { error: "an object" }),
};
