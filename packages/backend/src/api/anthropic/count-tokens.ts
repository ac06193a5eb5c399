import { z } from "zod";
import { toChatPrompt } from "../../conversation/conversation.ts";
import { firstEvent } from "../../operations/operation.ts";
import { tokenize } from "../../operations/tokenize.ts";
import { describeBody } from "../shared/body/describe-body.ts";
import { parseBody, type BodyRules } from "../shared/body/parse-body.ts";
import type { AnswerCodec } from "../shared/codec.ts";
import { messageErrors } from "../shared/error-catalog.ts";
import { findModel } from "../shared/find-model.ts";
import { integerSchema, objectSchema } from "../shared/json-schema.ts";
import { toApiError } from "../shared/to-api-error.ts";
import {
  conversationFields,
  toConversation,
  unsupportedParameters,
  type ConversationBody,
} from "./request/conversation.ts";

const rules: BodyRules<ConversationBody> = {
  schema: z.strictObject(conversationFields, { error: "an object" }),
  unsupported: unsupportedParameters,
};

/** Counts the tokens that a message's prompt would have. */
export const countTokensCodec: AnswerCodec = {
  path: "/v1/messages/count_tokens",
  description: {
    id: "countMessageTokens",
    summary: "Counts the tokens that a message's prompt would have",
    body: describeBody("CountTokensRequest", rules, ({ id: model }) => ({
      model,
      messages: [{ role: "user", content: "Tell me a story." }],
    })),
    answer: { name: "CountTokensResponse", schema: objectSchema({ input_tokens: integerSchema }) },
    errors: messageErrors,
  },
  async answer({ body: input }, { service }, signal) {
    const body = parseBody(input, rules);
    const model = findModel(service, body.model);
    const { prompt } = toChatPrompt(toConversation(body, model), model);
    try {
      const call = service.call(tokenize, prompt, { modelId: model.id, signal });
      const { tokenIds } = await firstEvent(call);
      return { input_tokens: tokenIds.length };
    } catch (error) {
      signal.throwIfAborted();
      throw toApiError(error, { prompt: "messages" });
    }
  },
};
