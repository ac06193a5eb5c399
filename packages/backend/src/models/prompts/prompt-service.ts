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
  /** The engine's numbers, with the prompts that wait for their tokens. */
  stats(): ModelStats;
}

/** Generous: the tokens are counted when they are made. */
const charactersPerToken = 8;

/** Weight of the newest duration in the mean. */
const meanShare = 0.2;

/** Creates the service of one engine. */
export function createPromptService({ pool, engine, options, plan }: PromptServiceOptions): EnginePrompts {
  const { contextTokens, maxSequences } = plan;
  const characters = options.maxQueuedTokens * charactersPerToken;
  let meanServiceMs: number | undefined;
  /** Together with what waits in the engine there are no more than its queue takes. */
  const limitsOf = (purpose: PromptPurpose): PromptQueueLimits => {
    if (purpose === "inspection") return { requests: options.maxQueuedRequests, characters };
    const { runningSequenceCount, waitingRequestCount } = engine.stats();
    const freePlaces = Math.max(0, maxSequences - runningSequenceCount);
    const requests = options.maxQueuedRequests + freePlaces - waitingRequestCount;
    // What waits in the engine leaves it as fast as places become free.
    const minRetryMs = (waitingRequestCount * (meanServiceMs ?? 0)) / maxSequences;
    return { requests, characters, minRetryMs };
  };
  return {
    encode: async (prompt, { purpose, signal }) => {
      if (prompt.kind === "tokens") return prompt.tokenIds;
      const limits = limitsOf(purpose);
      const answer = await pool.run({ kind: "encode", prompt, contextTokens, purpose, limits, signal });
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
      throw new TypeError("the prompt's thread gave tokens where a description was asked for");
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
