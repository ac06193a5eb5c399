import type { FinishReason } from "@infernode/inference";

/** The author of answers. */
export const role = "assistant";

/** Why a choice ends, as OpenAI says it: an answer that called tools and was not cut off ends with `tool_calls`. */
export function toFinishReason(reason: FinishReason | undefined, hasCalls: boolean): string | null {
  return reason === "stop" && hasCalls ? "tool_calls" : (reason ?? null);
}
