import { z } from "zod";
import { isRecord } from "../../is-record.ts";
import { firstEvent } from "../../operations/operation.ts";
import { tokenize } from "../../operations/tokenize.ts";
import { describeBody } from "../shared/body/describe-body.ts";
import { parseBody, type BodyRules } from "../shared/body/parse-body.ts";
import type { AnswerCodec } from "../shared/codec.ts";
import { messageErrors, storageErrors } from "../shared/error-catalog.ts";
import { findModel } from "../shared/find-model.ts";
import { integerSchema, objectSchema } from "../shared/json-schema.ts";
import { toApiError } from "../shared/to-api-error.ts";
import { toFieldNames } from "./answers/answer-writer.ts";
import { requestConditions } from "./items/request-fields.ts";
import { assertConversation, readRequestItems } from "./items/request-items.ts";
import { toChatAdmission } from "./prompts/chat-admission.ts";
import { readToolsText } from "./prompts/tools-field.ts";
import { catchWithOwnNames, withOwnNames } from "./responses/field-names.ts";
import { assertFunctions, toChatToolsJson } from "./responses/response-tools.ts";
import { responsesRules, type ResponsesBody } from "./responses/responses-body.ts";
import { toConversation } from "./responses/to-conversation.ts";

/** What a prompt is made of. */
const names = [
  "model",
  "input",
  "previous_response_id",
  "conversation",
  "instructions",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "text",
  "reasoning",
  "truncation",
  "chat_template_kwargs",
] as const;

type CountBody = Pick<ResponsesBody, (typeof names)[number]>;

const { shape } = responsesRules.schema;
const rules: BodyRules<CountBody> = {
  schema: z.strictObject(Object.fromEntries(names.map((name) => [name, shape[name]])), {
    error: "an object",
  }) as unknown as BodyRules<CountBody>["schema"],
  conditions: requestConditions,
};

/** Counts the tokens that the prompt of a response would have. */
export const countInputTokensCodec: AnswerCodec = {
  path: "/v1/responses/input_tokens",
  description: {
    id: "countInputTokens",
    summary: "Counts the tokens that the prompt of a response would have",
    body: describeBody("InputTokensRequest", rules, ({ id: model }) => ({
      model,
      input: "Tell me a story.",
    })),
    answer: {
      name: "InputTokens",
      schema: objectSchema({ object: { const: "response.input_tokens" }, input_tokens: integerSchema }),
    },
    errors: [
      ...messageErrors,
      ...storageErrors,
      "previous_response_not_found",
      "conversation_not_found",
      "item_not_found",
    ],
  },
  async answer({ body: input }, context, signal) {
    const { body: given, toolsJson } = readToolsText(input);
    if (isRecord(given)) assertFunctions(given["tools"]);
    // What is absent is undefined.
    const body = parseBody(given, rules) as ResponsesBody;
    const model = findModel(context.service, body.model);
    assertConversation(body, context);
    const { all } = await readRequestItems(body, context);
    const request = {
      id: context.ids(),
      body: toConversation(body, all),
      toolsJson: toolsJson === undefined ? undefined : toChatToolsJson(toolsJson),
      model,
    };
    const { prompt } = catchWithOwnNames(() => toChatAdmission(request, context)).request;
    try {
      const { tokenIds } = await firstEvent(
        context.service.call(tokenize, prompt, { modelId: model.id, signal }),
      );
      return { object: "response.input_tokens", input_tokens: tokenIds.length };
    } catch (error) {
      signal.throwIfAborted();
      throw withOwnNames(toApiError(error, toFieldNames(request.body, "input")));
    }
  },
};
