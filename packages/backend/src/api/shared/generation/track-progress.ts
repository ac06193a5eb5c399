import type { FinishReason } from "@infernode/inference";
import type { AnswerUsage, PromptLogprobs, TokenDelta } from "../../../operations/token-delta.ts";
import type { GenerationProgress } from "../generation.ts";
import type { Admission } from "./admit.ts";

/** A delta, and which of the requests it answers. */
export interface TrackedDelta {
  readonly requestIndex: number;
  readonly delta: TokenDelta;
}

export type OnPromptLogprobs = (requestIndex: number, logprobs: PromptLogprobs) => void;

/** What comes between the deltas. */
export interface DeltaListeners {
  /** Called with those of a prompt, part after part, before its first delta. */
  readonly onPromptLogprobs?: OnPromptLogprobs;
  /** Called before all deltas with the tokens of a prompt, where they were asked for. */
  readonly onPromptTokenIds?: (requestIndex: number, tokenIds: readonly number[]) => void;
  /** The deltas of this request are void and are sent again; only where it allows that. */
  readonly onRestart?: (requestIndex: number) => void;
}

/** The deltas of an admission, and their counts. */
export interface TrackedReplies {
  readonly progress: Readonly<GenerationProgress>;
  deltas(listeners?: DeltaListeners): AsyncIterable<TrackedDelta>;
  /** So far; the engine's own count when the deltas have ended. */
  usage(): AnswerUsage;
}

/** Usage before the first count. */
const noUsage: Required<AnswerUsage> = {
  promptTokens: 0,
  completionTokens: 0,
  cachedPromptTokens: 0,
  reasoningTokens: 0,
};

/** Adds up the counts of several prompts. */
function addUsage(a: Required<AnswerUsage>, b: AnswerUsage): Required<AnswerUsage> {
  return {
    promptTokens: a.promptTokens + b.promptTokens,
    completionTokens: a.completionTokens + b.completionTokens,
    cachedPromptTokens: a.cachedPromptTokens + b.cachedPromptTokens,
    reasoningTokens: a.reasoningTokens + (b.reasoningTokens ?? 0),
  };
}

interface RequestCount {
  tokens: number;
  reasoningTokens: number;
  finishReasons: FinishReason[];
}

/** Counts the deltas of an admission as they are read. */
export function trackProgress(admission: Admission, clock: { now(): number }): TrackedReplies {
  let finished: AnswerUsage | undefined;
  let reasoningTokens = 0;
  const progress: GenerationProgress = {
    promptTokens: admission.promptTokenCount,
    completionTokens: 0,
    firstTokenAtMs: undefined,
    finishReasons: [],
  };
  return {
    progress,
    async *deltas({ onPromptLogprobs, onPromptTokenIds, onRestart } = {}) {
      for (const [requestIndex, tokenIds] of admission.promptTokenIds.entries()) {
        if (tokenIds !== undefined) onPromptTokenIds?.(requestIndex, tokenIds);
      }
      let total = noUsage;
      const counts: RequestCount[] = [];
      for await (const reply of admission.replies) {
        if (reply.type === "finished") {
          total = addUsage(total, reply.usage);
          continue;
        }
        const { requestIndex } = reply;
        if (reply.type === "prompt-logprobs") {
          onPromptLogprobs?.(requestIndex, reply.logprobs);
          continue;
        }
        const count = (counts[requestIndex] ??= { tokens: 0, reasoningTokens: 0, finishReasons: [] });
        if (reply.type === "restarted") {
          progress.completionTokens -= count.tokens;
          reasoningTokens -= count.reasoningTokens;
          count.tokens = 0;
          count.reasoningTokens = 0;
          count.finishReasons = [];
          progress.finishReasons.splice(
            0,
            progress.finishReasons.length,
            ...counts.flatMap((each) => each.finishReasons),
          );
          onRestart?.(requestIndex);
          continue;
        }
        const { delta } = reply;
        progress.firstTokenAtMs ??= clock.now();
        progress.completionTokens += delta.tokenIds.length;
        count.tokens += delta.tokenIds.length;
        reasoningTokens += delta.reasoningTokens ?? 0;
        count.reasoningTokens += delta.reasoningTokens ?? 0;
        if (delta.finishReason !== undefined) {
          progress.finishReasons.push(delta.finishReason);
          count.finishReasons.push(delta.finishReason);
        }
        yield reply;
      }
      progress.promptTokens = total.promptTokens;
      progress.completionTokens = total.completionTokens;
      finished = total;
    },
    usage() {
      const { promptTokens, completionTokens } = progress;
      return finished ?? { promptTokens, completionTokens, cachedPromptTokens: 0, reasoningTokens };
    },
  };
}
