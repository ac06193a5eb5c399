import { describeBody } from "../shared/body/describe-body.ts";
import { parseBody } from "../shared/body/parse-body.ts";
import type { ApiError } from "../shared/api-error.ts";
import type { ApiContext, ApiRequest, GenerationCodec } from "../shared/codec.ts";
import { messageErrors } from "../shared/error-catalog.ts";
import { findModel } from "../shared/find-model.ts";
import type { PreparedGeneration } from "../shared/generation.ts";
import { startGeneration } from "../shared/generation/start-generation.ts";
import { toApiError } from "../shared/to-api-error.ts";
import { isRecord } from "../../is-record.ts";
import { sizeOfAnswer, toFieldNames } from "./answers/answer-writer.ts";
import { toChatAdmission } from "./prompts/chat-admission.ts";
import { readToolsText } from "./prompts/tools-field.ts";
import { catchWithOwnNames, withOwnNames } from "./responses/field-names.ts";
import { assertNoReferences } from "./responses/input-items.ts";
import { createResponseWriter } from "./responses/response-object.ts";
import { responseEventSchema, responseSchema } from "./responses/response-schemas.ts";
import { assertFunctions, toChatToolsJson } from "./responses/response-tools.ts";
import { responsesRules } from "./responses/responses-body.ts";
import { toConversation } from "./responses/to-conversation.ts";
import { writeAnswer } from "./responses/write-answer.ts";

function prepare({ body: input }: ApiRequest, context: ApiContext): PreparedGeneration {
  const { body: given, toolsJson } = readToolsText(input);
  if (isRecord(given)) {
    assertNoReferences(given["input"]);
    assertFunctions(given["tools"]);
  }
  const body = parseBody(given, responsesRules);
  const model = findModel(context.service, body.model);
  const itemId = context.ids();
  const id = `resp_${itemId}`;
  const conversation = toConversation(body);
  const request = {
    id,
    body: conversation,
    toolsJson: toolsJson === undefined ? undefined : toChatToolsJson(toolsJson),
    model,
  };
  const admissions = [catchWithOwnNames(() => toChatAdmission(request, context))];
  const fieldNames = toFieldNames(conversation, "input");
  const toError = (error: unknown): ApiError => withOwnNames(toApiError(error, fieldNames));
  const start: PreparedGeneration["start"] = async (signal) => {
    const form = {
      itemId,
      write: createResponseWriter({ id, createdAtMs: context.clock.epochMs(), body, model }),
      toError,
    };
    const size = sizeOfAnswer(admissions, model);
    try {
      return await startGeneration(
        { model, admissions, size, write: (replies) => writeAnswer(replies, form) },
        context,
        signal,
      );
    } catch (error) {
      signal.throwIfAborted();
      throw toError(error);
    }
  };
  return { id, modelId: model.id, isStream: body.stream ?? false, fieldNames, start };
}

/** Answers a conversation, and stores nothing. */
export const responsesCodec: GenerationCodec = {
  path: "/v1/responses",
  description: {
    id: "createResponse",
    summary: "Answers a conversation of items",
    link: "responses",
    body: describeBody("ResponseRequest", responsesRules, ({ id: model }) => ({
      model,
      input: "Tell me a story.",
      max_output_tokens: 64,
    })),
    answer: responseSchema,
    chunk: responseEventSchema,
    errors: messageErrors,
  },
  prepare,
};
