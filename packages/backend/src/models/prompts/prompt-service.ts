import type { InferenceEngine } from "@infernode/inference";
import type { EngineSettings } from "../../config/config.ts";
import type { PromptPurpose, PromptService } from "../../operations/prompt.ts";
import type { ModelStats } from "../model-service.ts";
import type { PromptPool } from "./prompt-pool.ts";
import type { PromptQueueLimits } from "./prompt-queue.ts";

export interface PromptServiceOptions {
  readonly pool: PromptPool;
  readonly engine: Pick<InferenceEngine, "stats">;
  readonly options: Pick<EngineSettings, "maxQueuedRequests" | "maxQueuedTokens">;
  readonly plan: { readonly contextTokens: number; readonly maxSequences: number };
}

/** The prompts of one engine. */
export interface EnginePrompts extends PromptService {
  /** The engine's statistics, with prompts that are not tokenized yet counted as waiting. */
  stats(): ModelStats;
}

/** Generous: tokens are counted exactly after tokenization. */
const charactersPerToken = 8;

/** Weight of the latest duration in the moving average. */
const meanShare = 0.2;

/** Creates the service of one engine. */
export function createPromptService({ pool, engine, options, plan }: PromptServiceOptions): EnginePrompts {
  const { contextTokens, maxSequences } = plan;
  const characters = options.maxQueuedTokens * charactersPerToken;
  let meanServiceMs: number | undefined;
  /** Prompts here and requests in the engine share the limits of its queue. */
  const limitsOf = (purpose: PromptPurpose): PromptQueueLimits => {
    if (purpose === "inspection") return { requests: options.maxQueuedRequests, characters };
    const { runningSequenceCount, waitingRequestCount } = engine.stats();
    const freeSlots = Math.max(0, maxSequences - runningSequenceCount);
    const requests = options.maxQueuedRequests + freeSlots - waitingRequestCount;
    // Requests leave the engine's queue as fast as running sequences end.
    const minRetryMs = (waitingRequestCount * (meanServiceMs ?? 0)) / maxSequences;
    return { requests, characters, minRetryMs };
  };
  return {
    encode: async (prompt, { purpose, isTruncated = false, signal }) => {
      if (prompt.kind === "tokens") return prompt.tokenIds;
      const limits = limitsOf(purpose);
      const task = { kind: "encode", prompt, purpose, limits, signal } as const;
      const maxTokens = isTruncated ? Number.MAX_SAFE_INTEGER : contextTokens;
      const answer = await pool.run({ ...task, contextTokens: maxTokens });
      return "tokenIds" in answer ? Array.from(answer.tokenIds) : answer.description.tokenIds;
    },
    describe: async (prompt, signal) => {
      const limits = limitsOf("inspection");
      const task = {
        kind: "describe",
        prompt,
        contextTokens,
        purpose: "inspection",
        limits,
        signal,
      } as const;
      const answer = await pool.run(task);
      if ("description" in answer) return answer.description;
      throw new TypeError("expected a description from the prompt thread, got tokens");
    },
    recordServiceTime: (serviceMs) => {
      meanServiceMs =
        meanServiceMs === undefined ? serviceMs : meanServiceMs + meanShare * (serviceMs - meanServiceMs);
    },
    stats: () => {
      const stats = engine.stats();
      const { waitingRequestCount, waitingTokenCount, finishedCount } = pool.stats();
      return {
        ...stats,
        waitingRequestCount: stats.waitingRequestCount + waitingRequestCount,
        waitingTokenCount: stats.waitingTokenCount + waitingTokenCount,
        preparedPromptCount: finishedCount,
      };
    },
  };
}
