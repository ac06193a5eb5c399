import { requestLimits } from "@infernode/inference/limits";
import { z } from "zod";
import type { ServedModel } from "../../models/model-service.ts";
import { invalidValue } from "../shared/api-error.ts";
import { describeBody } from "../shared/body/describe-body.ts";
import { flagField, integerField, type FieldsOf } from "../shared/body/fields.ts";
import { parseBody, type BodyRules } from "../shared/body/parse-body.ts";
import { assertTakesMessages } from "../shared/chat-model.ts";
import type { ApiContext, GenerationCodec } from "../shared/codec.ts";
import { messageErrors } from "../shared/error-catalog.ts";
import { findModel } from "../shared/find-model.ts";
import type { PreparedGeneration } from "../shared/generation.ts";
import type { AdmissionRequest } from "../shared/generation/admit.ts";
import { withTokenIds } from "./answers/token-ids.ts";
import { prepareAnswer } from "./answers/answer-writer.ts";
import { chatAnswerSchema, chatChunkSchema, createChatWriter } from "./answers/chat-answer.ts";
import { toEngineParams } from "./parameters/engine-params.ts";
import { samplingFields, streamCondition, type SamplingBody } from "./parameters/sampling-fields.ts";
import { unsupportedChatParameters } from "./parameters/unsupported-parameters.ts";
import { templateCondition, templateFields, toChatPrompt, type TemplateBody } from "./prompts/chat-prompt.ts";
import { toCallParts, toolsFields, type ToolsBody } from "./prompts/chat-tools.ts";
import { messagesField, type Message } from "./prompts/messages-schema.ts";
import { effortVariables, reasoningFields, type ReasoningBody } from "./prompts/reasoning.ts";
import { readToolsText } from "./prompts/tools-field.ts";

/** The body of `POST /v1/chat/completions`. */
interface ChatBody extends SamplingBody, TemplateBody, ToolsBody, ReasoningBody {
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

/** What a request is checked and made with. */
interface ChatRequest {
  readonly body: ChatBody;
  readonly toolsJson: string | undefined;
  readonly model: ServedModel;
}

function toAdmission({ body, toolsJson, model }: ChatRequest, context: ApiContext): AdmissionRequest {
  assertTakesMessages(model);
  const { params, isMaxTokensDefault } = toEngineParams(body, {
    model,
    maxChoices: context.maxChoices,
    promptCount: 1,
    defaultMaxTokens: model.generationDefaults.maxNewTokens,
  });
  const logprobs = readLogprobs(body);
  const id = `chatcmpl-${context.ids()}`;
  const parts = toCallParts(body, model);
  const prompt = toChatPrompt(body.messages, body, {
    toolsJson: parts.tools === undefined ? undefined : toolsJson,
    variables: effortVariables(body, model),
  });
  const request = { id, prompt, ...params, parts, ...(logprobs === undefined ? {} : { logprobs }) };
  return { isMaxTokensDefault, request };
}

function prepare(input: unknown, context: ApiContext): PreparedGeneration {
  const { body: given, toolsJson } = readToolsText(input);
  const body = parseBody(given, chatRules);
  const model = findModel(context.service, body.model);
  const admission = toAdmission({ body, toolsJson, model }, context);
  const { id, n = 1 } = admission.request;
  const writer = createChatWriter({ n, hasReasoning: body.include_reasoning ?? true });
  const hasTokenIds = body.return_token_ids === true;
  const resolve = async () => ({
    admissions: [admission],
    writer: hasTokenIds ? withTokenIds(writer, { n, promptTokenIds: "answer" }) : writer,
  });
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
