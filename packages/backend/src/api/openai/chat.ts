import { requestLimits } from "@infernode/inference/limits";
import { z } from "zod";
import { invalidValue } from "../shared/api-error.ts";
import { describeBody } from "../shared/body/describe-body.ts";
import { flagField, integerField, type FieldsOf } from "../shared/body/fields.ts";
import { parseBody, type BodyRules } from "../shared/body/parse-body.ts";
import type { ApiContext, ApiRequest, GenerationCodec } from "../shared/codec.ts";
import { messageErrors } from "../shared/error-catalog.ts";
import { findModel } from "../shared/find-model.ts";
import type { PreparedGeneration } from "../shared/generation.ts";
import { withPromptLogprobs } from "./answers/prompt-logprobs.ts";
import { withTokenIds } from "./answers/token-ids.ts";
import { prepareAnswer, type ChoiceWriter } from "./answers/answer-writer.ts";
import { chatAnswerSchema, chatChunkSchema, createChatWriter } from "./answers/chat-answer.ts";
import { toChatAdmission } from "./prompts/chat-admission.ts";
import { samplingFields, streamCondition, type SamplingBody } from "./parameters/sampling-fields.ts";
import { unsupportedChatParameters } from "./parameters/unsupported-parameters.ts";
import { templateCondition, templateFields, type TemplateBody } from "./prompts/chat-prompt.ts";
import { toolsFields, type ToolsBody } from "./prompts/chat-tools.ts";
import { messagesField, type Message } from "./prompts/messages-schema.ts";
import { predictionField, type PredictionBody } from "./prompts/prediction.ts";
import { reasoningFields, type ReasoningBody } from "./prompts/reasoning.ts";
import { readToolsText } from "./prompts/tools-field.ts";

/** The body of `POST /v1/chat/completions`. */
interface ChatBody extends SamplingBody, TemplateBody, ToolsBody, ReasoningBody, PredictionBody {
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
  ...toolsFields,
  ...reasoningFields,
  prediction: predictionField,
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

function createWriter(body: ChatBody, n: number): ChoiceWriter {
  const plain = createChatWriter({ n, hasReasoning: body.include_reasoning ?? true });
  const writer =
    body.return_token_ids === true ? withTokenIds(plain, { n, promptTokenIds: "answer" }) : plain;
  const { prompt_logprobs: count } = body;
  if (count === undefined) return writer;
  return withPromptLogprobs(writer, { n, count, echoCount: undefined, place: "answer" });
}

function prepare({ body: input }: ApiRequest, context: ApiContext): PreparedGeneration {
  const { body: given, toolsJson } = readToolsText(input);
  const body = parseBody(given, chatRules);
  const model = findModel(context.service, body.model);
  const id = `chatcmpl-${context.ids()}`;
  const admission = toChatAdmission({ id, body, toolsJson, model, logprobs: readLogprobs(body) }, context);
  const { n = 1 } = admission.request;
  const resolve = async () => ({ admissions: [admission], writer: createWriter(body, n) });
  return prepareAnswer({ id, body, model, promptParam: "messages", resolve }, context);
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
