import type { AnswerUsage, TokenDelta } from "../../operations/token-delta.ts";

/** What identifies a message. */
export interface MessageHead {
  readonly id: string;
  readonly model: string;
  /** Blocks of thinking are empty. */
  readonly isThinkingOmitted: boolean;
}

/** Why a message ends. */
export interface MessageEnd {
  readonly stop_reason: "end_turn" | "max_tokens" | "stop_sequence" | "tool_use" | null;
  readonly stop_sequence: string | null;
}

/** Anthropic's token counts: those of the prompt that were cached are apart. */
interface MessageUsage {
  readonly input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly output_tokens: number;
  readonly output_tokens_details: { readonly thinking_tokens: number };
  readonly server_tool_use: null;
}

/** Writes token counts as Anthropic does. */
export function toUsage({
  promptTokens,
  completionTokens,
  cachedPromptTokens,
  reasoningTokens = 0,
}: AnswerUsage): MessageUsage {
  return {
    input_tokens: promptTokens - cachedPromptTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedPromptTokens,
    output_tokens: completionTokens,
    output_tokens_details: { thinking_tokens: reasoningTokens },
    server_tool_use: null,
  };
}

/** The fields of a message in Anthropic's order. */
export function messageOf(
  { id, model }: MessageHead,
  answer: { readonly content: readonly unknown[]; readonly end: MessageEnd; readonly usage: AnswerUsage },
): object {
  const { content, end, usage } = answer;
  return {
    id,
    type: "message",
    role: "assistant",
    model,
    content,
    ...end,
    stop_details: null,
    container: null,
    diagnostics: null,
    usage: {
      ...toUsage(usage),
      cache_creation: null,
      inference_geo: null,
      service_tier: "standard",
      speed: null,
    },
  };
}

/** A message that has not ended. */
export const noEnd: MessageEnd = { stop_reason: null, stop_sequence: null };

/** What the last delta says of the end. A stop sequence or the limit may cut a call off, so they come first. */
export function endOf(
  { finishReason, stopReason }: Pick<TokenDelta, "finishReason" | "stopReason">,
  hasCalls: boolean,
): MessageEnd {
  if (finishReason === undefined) return noEnd;
  if (finishReason === "length") return { stop_reason: "max_tokens", stop_sequence: null };
  if (typeof stopReason === "string") return { stop_reason: "stop_sequence", stop_sequence: stopReason };
  return { stop_reason: hasCalls ? "tool_use" : "end_turn", stop_sequence: null };
}
