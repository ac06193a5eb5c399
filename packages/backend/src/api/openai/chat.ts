import { requestLimits } from "@infernode/inference/limits";
import { z } from "zod";
import type { ServedModel } from "../../models/model-service.ts";
import { ApiError, invalidValue } from "../shared/api-error.ts";
import type { ApiContext } from "../shared/api-context.ts";
import { describeBody } from "../shared/body/describe-body.ts";
import { flagField, integerField, type FieldsOf } from "../shared/body/fields.ts";
import { parseBody, type BodyRules } from "../shared/body/parse-body.ts";
import type { GenerationCodec } from "../shared/codec.ts";
import { messageErrors } from "../shared/error-catalog.ts";
import { findModel } from "../shared/find-model.ts";
import type { PreparedGeneration } from "../shared/generation.ts";
import type { AdmissionRequest } from "../shared/generation/admit.ts";
import { startGeneration } from "../shared/generation/start-generation.ts";
import { sizeOfAnswer, writeAnswer } from "./answers/answer-writer.ts";
import { chatAnswerSchema, chatChunkSchema, chatObject, createChatWriter } from "./answers/chat-answer.ts";
import { createAnswerHead } from "./answers/envelope.ts";
import { engineParamNames, toEngineParams } from "./parameters/engine-params.ts";
import { samplingFields, streamCondition, type SamplingBody } from "./parameters/sampling-fields.ts";
import { unsupportedChatParameters } from "./parameters/unsupported-parameters.ts";
import { templateCondition, templateFields, toChatPrompt, type TemplateBody } from "./prompts/chat-prompt.ts";
import { messagesField, type Message } from "./prompts/messages-schema.ts";

/** The body of `POST /v1/chat/completions`. */
interface ChatBody extends SamplingBody, TemplateBody {
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

const chatRules: BodyRules<ChatBody> = {
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

function readLogprobs({ logprobs = false, top_logprobs: top }: ChatBody): number | undefined {
  if (logprobs) return top ?? 0;
  if (top === undefined || top === 0) return undefined;
  throw invalidValue("top_logprobs", "0 without `logprobs: true`", { got: top });
}

function toAdmission(body: ChatBody, model: ServedModel, context: ApiContext): AdmissionRequest {
  if (model.hasChatTemplate === false) {
    throw new ApiError("chat_template_missing", "The model has no chat template; use /v1/completions", {
      param: "messages",
    });
  }
  const { params, isMaxTokensDefault } = toEngineParams(body, {
    model,
    maxChoices: context.maxChoices,
    promptCount: 1,
    defaultMaxTokens: model.generationDefaults.maxNewTokens,
  });
  const logprobs = readLogprobs(body);
  const id = `chatcmpl-${context.ids()}`;
  const prompt = toChatPrompt(body.messages, body);
  const request = { id, prompt, ...params, ...(logprobs === undefined ? {} : { logprobs }) };
  return { isMaxTokensDefault, request };
}

function prepare(input: unknown, context: ApiContext): PreparedGeneration {
  const body = parseBody(input, chatRules);
  const model = findModel(context.service, body.model);
  const admissions = [toAdmission(body, model, context)] as const;
  const [{ request }] = admissions;
  return {
    modelId: model.id,
    isStream: body.stream ?? false,
    fieldNames: { prompt: "messages", others: engineParamNames },
    start: async (signal) => {
      const head = createAnswerHead(request.id, model, context);
      const form = { head, object: chatObject, streamOptions: body.stream_options };
      const write = writeAnswer(createChatWriter(request.n ?? 1), form);
      const size = sizeOfAnswer(admissions, model);
      return startGeneration({ model, admissions, size, write }, context, signal);
    },
  };
}

/** Answers a conversation. */
export const chatCodec: GenerationCodec = {
  path: "/v1/chat/completions",
  description: {
    id: "createChatCompletion",
    summary: "Answers a conversation",
    link: "chat",
    body: describeBody("ChatCompletionRequest", chatRules, ({ id: model }) => ({
      model,
      messages: [{ role: "user", content: "Tell me a story." }],
      max_tokens: 64,
    })),
    answer: chatAnswerSchema,
    chunk: chatChunkSchema,
    errors: messageErrors,
  },
  prepare,
};
