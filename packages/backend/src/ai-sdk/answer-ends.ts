import type { LanguageModelV3FinishReason, LanguageModelV3Usage } from "@ai-sdk/provider";
import type { AnswerEnd, AnswerEvent } from "../conversation/start-answer.ts";

type Finished = Extract<AnswerEvent, { readonly type: "finished" }>;

const reasons: Readonly<Record<AnswerEnd, LanguageModelV3FinishReason>> = {
  stop: { unified: "stop", raw: "stop" },
  length: { unified: "length", raw: "length" },
  calls: { unified: "tool-calls", raw: "calls" },
};

/** How the AI SDK says that an answer has ended. */
export function toEnd({ reason, usage }: Finished): {
  readonly finishReason: LanguageModelV3FinishReason;
  readonly usage: LanguageModelV3Usage;
} {
  const { promptTokens, completionTokens, cachedPromptTokens, reasoningTokens } = usage;
  return {
    finishReason: reasons[reason],
    usage: {
      inputTokens: {
        total: promptTokens,
        noCache: promptTokens - cachedPromptTokens,
        cacheRead: cachedPromptTokens,
        cacheWrite: undefined,
      },
      outputTokens: {
        total: completionTokens,
        text: completionTokens - reasoningTokens,
        reasoning: reasoningTokens,
      },
    },
  };
}

/** The usage of an answer that failed. */
export const unknownUsage: LanguageModelV3Usage = {
  inputTokens: { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: undefined, text: undefined, reasoning: undefined },
};
