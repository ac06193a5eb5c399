import type { ServedModel } from "../../../models/model-service.ts";
import type { AnswerUsage } from "../../../operations/token-delta.ts";
import type { ApiError } from "../../shared/api-error.ts";
import { conversationIdOf } from "../items/request-items.ts";
import type { ResponseTool } from "./response-tools.ts";
import type { ResponsesBody } from "./responses-body.ts";

/** How far an answer has come. */
export type ResponseStatus = "in_progress" | "completed" | "incomplete" | "failed" | "cancelled";

/** What an answer says beside what was asked. */
export interface ResponseState {
  readonly status: ResponseStatus;
  readonly output?: readonly object[];
  readonly usage?: AnswerUsage;
  readonly error?: ApiError;
}

function toUsage({ promptTokens, completionTokens, ...rest }: AnswerUsage): object {
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: rest.cachedPromptTokens },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: rest.reasoningTokens ?? 0 },
    total_tokens: promptTokens + completionTokens,
  };
}

/** As OpenAI's API has them for an answer that failed. */
function toResponseError({ message, status }: ApiError): object {
  return { code: status === 429 ? "rate_limit_exceeded" : "server_error", message };
}

function toTool({ type, name, description, parameters, strict }: ResponseTool): object {
  return {
    type,
    name,
    description: description ?? null,
    parameters: parameters ?? null,
    strict: strict ?? false,
  };
}

/** A `Response`. */
export interface WrittenResponse {
  readonly id: string;
  readonly output: readonly object[];
  readonly [field: string]: unknown;
}

/** Writes a `Response` in any of its states. */
export type WriteResponse = (state: ResponseState) => WrittenResponse;

/** What a response is written with. */
export interface ResponseHead {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
  readonly body: ResponsesBody;
  readonly model: ServedModel;
  /** Whether it is stored when it is completed. */
  readonly isStored: boolean;
}

/** Creates a writer of one response: what was asked, and how far it has come. */
export function createResponseWriter({
  id,
  createdAtMs,
  body,
  model,
  isStored,
}: ResponseHead): WriteResponse {
  const { generationDefaults: defaults } = model;
  const conversationId = conversationIdOf(body);
  const asked = {
    conversation: conversationId === undefined ? null : { id: conversationId },
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: null,
    metadata: body.metadata ?? {},
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    reasoning: { effort: body.reasoning?.effort ?? null, summary: body.reasoning?.summary ?? null },
    safety_identifier: body.safety_identifier ?? null,
    service_tier: "default",
    store: isStored,
    temperature: body.temperature ?? defaults.temperature ?? 1,
    text: { format: body.text?.format ?? { type: "text" }, verbosity: body.text?.verbosity ?? "medium" },
    tool_choice: body.tool_choice ?? "auto",
    tools: (body.tools ?? []).map(toTool),
    top_logprobs: 0,
    top_p: body.top_p ?? defaults.topP ?? 1,
    truncation: "disabled",
    user: body.user ?? null,
  };
  return ({ status, output = [], usage, error }) => ({
    id,
    object: "response",
    created_at: Math.floor(createdAtMs / 1000),
    status,
    background: body.background ?? false,
    error: error === undefined ? null : toResponseError(error),
    incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" } : null,
    model: model.id,
    output,
    usage: usage === undefined ? null : toUsage(usage),
    ...asked,
  });
}
