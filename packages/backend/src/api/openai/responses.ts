import { describeBody } from "../shared/body/describe-body.ts";
import { parseBody } from "../shared/body/parse-body.ts";
import { ApiError } from "../shared/api-error.ts";
import type { ApiContext, ApiRequest, GenerationCodec } from "../shared/codec.ts";
import { messageErrors, storageErrors } from "../shared/error-catalog.ts";
import { findModel } from "../shared/find-model.ts";
import type { PreparedGeneration } from "../shared/generation.ts";
import { startGeneration } from "../shared/generation/start-generation.ts";
import { toApiError } from "../shared/to-api-error.ts";
import { isRecord } from "../../is-record.ts";
import { sizeOfAnswer, toFieldNames } from "./answers/answer-writer.ts";
import { lockConversation } from "./items/lock-conversation.ts";
import { assertConversation, conversationIdOf, readRequestItems } from "./items/request-items.ts";
import { requireStorage } from "./items/storage-errors.ts";
import { toChatAdmission } from "./prompts/chat-admission.ts";
import { readToolsText } from "./prompts/tools-field.ts";
import { catchWithOwnNames, withOwnNames } from "./responses/field-names.ts";
import { inBackground } from "./responses/follow-held.ts";
import { keepResponse } from "./responses/keep-response.ts";
import { createResponseWriter, type WrittenResponse } from "./responses/response-object.ts";
import { responseEventSchema, responseSchema } from "./responses/response-schemas.ts";
import { assertFunctions, toChatToolsJson } from "./responses/response-tools.ts";
import { responsesRules } from "./responses/responses-body.ts";
import { toConversation } from "./responses/to-conversation.ts";
import { writeAnswer } from "./responses/write-answer.ts";

function prepare({ body: input }: ApiRequest, context: ApiContext): PreparedGeneration {
  const { body: given, toolsJson } = readToolsText(input);
  if (isRecord(given)) assertFunctions(given["tools"]);
  const body = parseBody(given, responsesRules);
  const model = findModel(context.service, body.model);
  assertConversation(body, context);
  if (body.store === true) requireStorage(context.storage, "store");
  const isStored = body.store ?? context.storage !== undefined;
  const itemId = context.ids();
  const id = `resp_${itemId}`;
  const fieldNames = toFieldNames(toConversation(body, []), "input");
  const toError = (error: unknown): ApiError => withOwnNames(toApiError(error, fieldNames));

  const start: PreparedGeneration["start"] = async (signal) => {
    const createdAtMs = context.clock.epochMs();
    const conversationId = conversationIdOf(body);
    const unlock = lockConversation(context.storage, conversationId);
    try {
      const items = await readRequestItems(body, context);
      signal.throwIfAborted();
      const request = {
        id,
        body: toConversation(body, items.all),
        toolsJson: toolsJson === undefined ? undefined : toChatToolsJson(toolsJson),
        model,
      };
      const admissions = [catchWithOwnNames(() => toChatAdmission(request, context))];
      const plan = {
        storage: context.storage,
        isStored,
        previousId: body.previous_response_id,
        conversationId,
        input: items.own,
      };
      const keep = async (response: WrittenResponse): Promise<WrittenResponse> => {
        const kept = await keepResponse(response, plan);
        // The client may continue at once.
        unlock();
        return kept;
      };
      const write = createResponseWriter({ id, createdAtMs, body, model, isStored });
      const form = { itemId, write, keep, toError };
      const size = sizeOfAnswer(admissions, model);
      const generation = await startGeneration(
        { model, admissions, size, write: (replies) => writeAnswer(replies, form) },
        context,
        signal,
      );
      const release = (): void => {
        generation.release();
        unlock();
      };
      return { ...generation, release };
    } catch (error) {
      unlock();
      signal.throwIfAborted();
      throw toError(error);
    }
  };
  const prepared = { id, modelId: model.id, isStream: body.stream ?? false, fieldNames, start };
  return body.background === true ? inBackground(prepared, context.held) : prepared;
}

/** Answers a conversation, and stores the answer unless it is told not to. */
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
    errors: [
      ...messageErrors,
      ...storageErrors,
      "previous_response_not_found",
      "conversation_not_found",
      "conversation_locked",
      "item_not_found",
    ],
  },
  prepare,
};
