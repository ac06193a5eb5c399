import { z } from "zod";
import { templateFields, type TemplateBody } from "./chat-prompt.ts";
import { flagField, textField, type FieldsOf } from "./fields.ts";
import { messagesField, type Message } from "./messages-schema.ts";
import type { BodyRules } from "./parse-body.ts";

/** The body of `POST /tokenize`: a prompt or messages. */
export interface TokenizeBody extends TemplateBody {
  readonly model: string | undefined;
  readonly prompt: string | undefined;
  readonly add_special_tokens: boolean | undefined;
  readonly messages: readonly Message[] | undefined;
}

const fields: FieldsOf<TokenizeBody> = {
  model: textField("The served model; may be left out.").optional(),
  prompt: textField("A text.").optional(),
  add_special_tokens: flagField(
    "Lets the tokenizer put its special tokens around the prompt. Default true.",
  ).optional(),
  messages: messagesField.optional(),
  ...templateFields,
};

/** How it is checked. */
export const tokenizeRules: BodyRules<TokenizeBody> = {
  schema: z.strictObject(fields, { error: "an object" }),
};
