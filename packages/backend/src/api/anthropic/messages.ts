import { z } from "zod";
import { toAdmission, type Conversation } from "../../conversation/conversation.ts";
import { defined, toSampling } from "../../conversation/sampling.ts";
import type { ServedModel } from "../../models/model-service.ts";
import { describeBody } from "../shared/body/describe-body.ts";
import { flagField, integerField, mapField, numberField, type FieldsOf } from "../shared/body/fields.ts";
import { parseBody, type BodyRules } from "../shared/body/parse-body.ts";
import { stopsField } from "../shared/body/stop-field.ts";
import type { GenerationCodec } from "../shared/codec.ts";
import { messageErrors } from "../shared/error-catalog.ts";
import { findModel } from "../shared/find-model.ts";
import { startGeneration } from "../shared/generation/start-generation.ts";
import type { TrackedReplies } from "../shared/generation/track-progress.ts";
import { messageSchema, streamEventSchema } from "./message-schemas.ts";
import {
  conversationFields,
  toConversation,
  unsupportedParameters,
  type ConversationBody,
} from "./request/conversation.ts";
import { outputConstraint } from "./request/output-config.ts";
import { collectMessage } from "./whole-message.ts";
import { writeEvents } from "./message-events.ts";

/** The body of `POST /v1/messages`. */
interface MessagesBody extends ConversationBody {
  readonly max_tokens: number;
  readonly temperature: number | undefined;
  readonly top_p: number | undefined;
  readonly top_k: number | undefined;
  readonly stop_sequences: readonly string[] | undefined;
  readonly stream: boolean | undefined;
  readonly metadata: object | undefined;
  readonly service_tier: "auto" | "standard_only" | undefined;
}

const fields: FieldsOf<MessagesBody> = {
  ...conversationFields,
  max_tokens: integerField({ min: 1 }, "Longest answer, in tokens, reasoning included."),
  temperature: numberField(
    { min: 0, max: 2 },
    "0 takes the most likely token. Default: the checkpoint's, else 1.",
  ).optional(),
  top_p: numberField(
    { min: 0, max: 1, isMinExcluded: true },
    "Samples from the most likely tokens that make up this share of the probability. Default: the checkpoint's, else 1.",
  ).optional(),
  top_k: integerField(
    { min: 0, max: 2 ** 31 - 1 },
    "Samples from this many of the most likely tokens; 0 is all.",
  ).optional(),
  stop_sequences: stopsField.describe("Texts that end the answer; they are not part of it.").optional(),
  stream: flagField(
    "Sends the answer as server-sent events while it is generated. Default false.",
  ).optional(),
  metadata: mapField({}, "Has no effect.").optional(),
  service_tier: z
    .enum(["auto", "standard_only"], { error: '"auto" or "standard_only"' })
    .describe("There is one tier only.")
    .optional(),
};

const rules: BodyRules<MessagesBody> = {
  schema: z.strictObject(fields, { error: "an object" }),
  unsupported: unsupportedParameters,
};

/** What the engine's parameters are called here. */
const paramNames: Readonly<Record<string, string>> = {
  topP: "top_p",
  topK: "top_k",
  maxTokens: "max_tokens",
  stop: "stop_sequences",
  reasoningBudget: "thinking.budget_tokens",
};

/** Errors of tools name their own fields. */
function constraintParam(body: MessagesBody): string {
  const { source, param } = outputConstraint(body);
  return source === undefined ? "tools" : param;
}

type GenerationPart = Conversation["generation"];

function toGeneration(id: string, body: MessagesBody, model: ServedModel): GenerationPart {
  const { temperature, top_p: topP, top_k: topK, max_tokens: maxTokens, stop_sequences: stop } = body;
  return {
    id,
    sampling: toSampling({ temperature, topP, topK }, model.generationDefaults),
    stopping: defined({ maxTokens, stop }),
    n: 1,
    skipSpecialTokens: true,
    ...defined({ constraint: outputConstraint(body).source }),
    // A whole answer is sent at its end: until then it can be generated again.
    canRestart: body.stream !== true,
  };
}

/** Answers a conversation. */
export const messagesCodec: GenerationCodec = {
  path: "/v1/messages",
  description: {
    id: "createMessage",
    summary: "Answers a conversation",
    link: "messages",
    body: describeBody("MessageRequest", rules, ({ id: model }) => ({
      model,
      messages: [{ role: "user", content: "Tell me a story." }],
      max_tokens: 64,
    })),
    answer: messageSchema,
    chunk: streamEventSchema,
    errors: messageErrors,
  },
  prepare({ body: input }, context) {
    const body = parseBody(input, rules);
    const model = findModel(context.service, body.model);
    const id = `msg_${context.ids()}`;
    const head = { id, model: model.id, isThinkingOmitted: body.thinking?.display === "omitted" };
    const conversation = { ...toConversation(body, model), generation: toGeneration(id, body, model) };
    const admission = toAdmission(conversation, model);
    const size = {
      answerCount: 1,
      maxTokens: body.max_tokens,
      candidateCount: 0,
      echoedTokens: 0,
      param: "max_tokens",
    };
    const write = (replies: TrackedReplies) => ({
      collect: async () => collectMessage(replies, head),
      chunks: () => writeEvents(replies, head),
    });
    return {
      modelId: model.id,
      isStream: body.stream ?? false,
      fieldNames: { prompt: "messages", others: { ...paramNames, constraint: constraintParam(body) } },
      start: async (signal) =>
        startGeneration({ model, admissions: [admission], size, write }, context, signal),
    };
  },
};
