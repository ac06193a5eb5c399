import { z } from "zod";
import { templateCondition, templateFields, type TemplateBody } from "./prompts/chat-prompt.ts";
import { arrayField, flagField, textField, tokenIdField, type FieldsOf } from "../shared/body/fields.ts";
import { messagesField, type Message } from "./prompts/messages-schema.ts";
import type { BodyRules } from "../shared/body/parse-body.ts";

/** The body of `POST /tokenize`: a prompt or messages. */
export interface TokenizeBody extends TemplateBody {
  readonly model: string | undefined;
  readonly prompt: string | undefined;
  readonly add_special_tokens: boolean | undefined;
  readonly messages: readonly Message[] | undefined;
  readonly return_token_strs: boolean | undefined;
}

const fields: FieldsOf<TokenizeBody> = {
  model: textField("The served model; may be left out.").optional(),
  prompt: textField("A text.").optional(),
  add_special_tokens: flagField(
    "Lets the tokenizer put its special tokens around the prompt. Default true.",
  ).optional(),
  messages: messagesField.optional(),
  return_token_strs: flagField("Reports each token as the vocabulary spells it. Default false.").optional(),
  ...templateFields,
};

/** How it is checked. */
export const tokenizeRules: BodyRules<TokenizeBody> = {
  schema: z.strictObject(fields, { error: "an object" }),
  conditions: [
    templateCondition,
    {
      oneOf: [
        {
          properties: { prompt: { type: "string" }, messages: { type: "null" } },
          required: ["prompt"],
        },
        {
          properties: {
            messages: { type: "array" },
            prompt: { type: "null" },
            add_special_tokens: { enum: [false, null] },
          },
          required: ["messages"],
        },
      ],
    },
  ],
};

const maxTokens = 32_768;

/** The body of `POST /detokenize`. */
export interface DetokenizeBody {
  readonly model: string | undefined;
  readonly tokens: readonly number[];
}

const detokenizeFields: FieldsOf<DetokenizeBody> = {
  model: textField("The served model; may be left out.").optional(),
  tokens: arrayField(tokenIdField(), {
    max: maxTokens,
    of: "token ids",
  }).describe("Token ids."),
};

/** How it is checked. */
export const detokenizeRules: BodyRules<DetokenizeBody> = {
  schema: z.strictObject(detokenizeFields, { error: "an object" }),
};
