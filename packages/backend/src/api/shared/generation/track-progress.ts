import type { FinishReason } from "@infernode/inference";
import type { AnswerUsage, PromptLogprobs, TokenDelta } from "../../../operations/token-delta.ts";
import type { GenerationProgress } from "../generation.ts";
import { mapIteration } from "../../../iteration/map-iteration.ts";
import type { Admission, AdmittedReply } from "./admit.ts";

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
const noUsage: AnswerUsage = {
  promptTokens: 0,
  completionTokens: 0,
  cachedPromptTokens: 0,
  reasoningTokens: 0,
};

/** Adds up the counts of several prompts. */
function addUsage(a: AnswerUsage, b: AnswerUsage): AnswerUsage {
  const predictions = [a.prediction, b.prediction].filter((each) => each !== undefined);
  const sum = (key: "acceptedTokens" | "rejectedTokens"): number =>
    predictions.reduce((total, each) => total + each[key], 0);
  return {
    promptTokens: a.promptTokens + b.promptTokens,
    completionTokens: a.completionTokens + b.completionTokens,
    cachedPromptTokens: a.cachedPromptTokens + b.cachedPromptTokens,
    reasoningTokens: (a.reasoningTokens ?? 0) + (b.reasoningTokens ?? 0),
    ...(predictions.length > 0 && {
      prediction: { acceptedTokens: sum("acceptedTokens"), rejectedTokens: sum("rejectedTokens") },
    }),
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
    deltas({ onPromptLogprobs, onPromptTokenIds, onRestart } = {}) {
      let total = noUsage;
      const counts: RequestCount[] = [];
      const restart = (requestIndex: number, count: RequestCount): void => {
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
      };
      const add = (delta: TokenDelta, count: RequestCount): void => {
        progress.firstTokenAtMs ??= clock.now();
        progress.completionTokens += delta.tokenIds.length;
        count.tokens += delta.tokenIds.length;
        reasoningTokens += delta.reasoningTokens ?? 0;
        count.reasoningTokens += delta.reasoningTokens ?? 0;
        if (delta.finishReason === undefined) return;
        progress.finishReasons.push(delta.finishReason);
        count.finishReasons.push(delta.finishReason);
      };
      const map = ({ requestIndex, event }: AdmittedReply): TrackedDelta | undefined => {
        const count = (counts[requestIndex] ??= { tokens: 0, reasoningTokens: 0, finishReasons: [] });
        switch (event.type) {
          case "delta":
            add(event.delta, count);
            return { requestIndex, delta: event.delta };
          case "prompt-logprobs":
            onPromptLogprobs?.(requestIndex, event.logprobs);
            return undefined;
          case "restarted":
            restart(requestIndex, count);
            return undefined;
          case "finished":
            total = addUsage(total, event.usage);
            return undefined;
        }
      };
      for (const [requestIndex, tokenIds] of admission.promptTokenIds.entries()) {
        if (tokenIds !== undefined) onPromptTokenIds?.(requestIndex, tokenIds);
      }
      return mapIteration(admission.replies[Symbol.asyncIterator](), {
        map,
        onDone: () => {
          progress.promptTokens = total.promptTokens;
          progress.completionTokens = total.completionTokens;
          finished = total;
        },
      });
    },
    usage() {
      const { promptTokens, completionTokens } = progress;
      return finished ?? { promptTokens, completionTokens, cachedPromptTokens: 0, reasoningTokens };
    },
  };
}
