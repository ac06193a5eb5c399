import type { ServedModel } from "../../../models/model-service.ts";
import { assertTakesMessages } from "../../shared/chat-model.ts";
import type { ApiContext } from "../../shared/codec.ts";
import type { AdmissionRequest } from "../../shared/generation/admit.ts";
import { toEngineParams } from "../parameters/engine-params.ts";
import type { SamplingParameters } from "../parameters/sampling-fields.ts";
import { toChatPrompt, type TemplateBody } from "./chat-prompt.ts";
import { toCallParts, type ToolsBody } from "./chat-tools.ts";
import type { Message } from "./messages-schema.ts";
import { effortVariables, type ReasoningBody } from "./reasoning.ts";

/** What is asked of a model in a conversation. */
export interface ConversationBody
  extends SamplingParameters, TemplateBody, ToolsBody, Pick<ReasoningBody, "reasoning_effort"> {
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

/** Makes the engine's request of a conversation. @throws ApiError 400 */
export function toChatAdmission(request: ConversationRequest, context: ApiContext): AdmissionRequest {
  const { id, body, toolsJson, model, logprobs } = request;
  assertTakesMessages(model);
  const { params, isMaxTokensDefault } = toEngineParams(body, {
    model,
    maxChoices: context.maxChoices,
    promptCount: 1,
    defaultMaxTokens: model.generationDefaults.maxNewTokens,
  });
  const parts = toCallParts(body, model);
  const prompt = toChatPrompt(body.messages, body, {
    toolsJson: parts.tools === undefined ? undefined : toolsJson,
    variables: effortVariables(body, model),
  });
  return {
    isMaxTokensDefault,
    request: { id, prompt, ...params, parts, ...(logprobs === undefined ? {} : { logprobs }) },
  };
}
