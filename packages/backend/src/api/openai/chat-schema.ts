import { requestLimits } from "@infernode/inference/limits";
import { z } from "zod";
import { templateCondition, templateFields, type TemplateBody } from "./prompts/chat-prompt.ts";
import { flagField, integerField, type FieldsOf } from "../shared/body/fields.ts";
import { messagesField, type Message } from "./prompts/messages-schema.ts";
import type { BodyRules } from "../shared/body/parse-body.ts";
import { samplingFields, streamCondition, type SamplingBody } from "./parameters/sampling-fields.ts";
import { unsupportedChatParameters } from "./parameters/unsupported-parameters.ts";

/** The body of `POST /v1/chat/completions`. */
export interface ChatBody extends SamplingBody, TemplateBody {
  readonly messages: readonly Message[];
  readonly logprobs: boolean | undefined;
  readonly top_logprobs: number | undefined;
}

const fields: FieldsOf<ChatBody> = {
  messages: messagesField,
  ...samplingFields,
  logprobs: flagField("Reports the log-probability of each token. Default false.").optional(),
  top_logprobs: integerField(
    { min: 0, max: requestLimits.maxLogprobs },
    "Reports this many alternatives for each token; only with `logprobs: true`.",
  ).optional(),
  ...templateFields,
};

/** How a chat request is checked. */
export const chatRules: BodyRules<ChatBody> = {
  schema: z.strictObject(fields, { error: "an object" }),
  unsupported: unsupportedChatParameters,
  conditions: [
    streamCondition,
    templateCondition,
    {
      anyOf: [
        { properties: { top_logprobs: { enum: [0, null] } } },
        { properties: { logprobs: { const: true } }, required: ["logprobs"] },
      ],
    },
  ],
};
