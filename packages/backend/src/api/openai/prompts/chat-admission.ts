import { toAdmission, type Conversation } from "../../../conversation/conversation.ts";
import type { AdmissionRequest } from "../../../conversation/open-generation.ts";
import { effortVariables } from "../../../conversation/reasoning.ts";
import type { ServedModel } from "../../../models/model-service.ts";
import type { ApiContext } from "../../shared/codec.ts";
import { toEngineParams } from "../parameters/engine-params.ts";
import type { SamplingParameters } from "../parameters/sampling-fields.ts";
import { toTemplateParts, type TemplateBody } from "./chat-prompt.ts";
import { toConversationTools, type ToolsBody } from "./chat-tools.ts";
import type { Message } from "./messages-schema.ts";
import { type PredictionBody, toPrediction } from "./prediction.ts";
import { toReasoningBudget, type ReasoningBody } from "./reasoning.ts";

/** What is asked of a model in a conversation. */
export interface ConversationBody
  extends
    SamplingParameters,
    TemplateBody,
    ToolsBody,
    Pick<ReasoningBody, "reasoning_effort" | "thinking_token_budget">,
    Partial<PredictionBody> {
  readonly messages: readonly Message[];
}

/** What a request is checked and made with. */
export interface ConversationRequest {
  readonly id: string;
  readonly body: ConversationBody;
  /** JSON text of the tools. */
  readonly toolsJson: string | undefined;
  readonly model: ServedModel;
  readonly logprobs?: number | undefined;
}

const effortFields = {
  effort: "reasoning_effort",
  alternative: "`chat_template_kwargs` with `enable_thinking`",
};

/** Makes the engine's request of a conversation. @throws ApiError 400; EngineRequestError */
export function toChatAdmission(request: ConversationRequest, context: ApiContext): AdmissionRequest {
  const { id, body, toolsJson, model, logprobs } = request;
  const { params, isMaxTokensDefault } = toEngineParams(body, {
    model,
    maxChoices: context.maxChoices,
    promptCount: 1,
    defaultMaxTokens: model.generationDefaults.maxNewTokens,
  });
  const conversation: Conversation = {
    ...toTemplateParts(body.messages, body),
    ...toConversationTools(body),
    toolsJson,
    reasoningBudget: toReasoningBudget(body),
    generation: {
      id,
      ...params,
      ...toPrediction(body),
      ...(logprobs === undefined ? {} : { logprobs }),
      ...(body.prompt_logprobs === undefined ? {} : { promptLogprobs: body.prompt_logprobs }),
    },
    isMaxTokensDefault,
  };
  const variables = effortVariables(body.reasoning_effort, model, effortFields);
  return toAdmission({ ...conversation, template: { ...conversation.template, variables } }, model);
}
