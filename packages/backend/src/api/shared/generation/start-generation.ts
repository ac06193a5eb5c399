import type { AnswerSize } from "../../../models/answer-memory.ts";
import type { ServedModel } from "../../../models/model-service.ts";
import type { ApiContext } from "../codec.ts";
import type { Generation } from "../generation.ts";
import type { AdmissionRequest } from "../../../conversation/open-generation.ts";
import { admit } from "./admit.ts";
import { trackProgress, type TrackedReplies } from "./track-progress.ts";

/** What is to be generated, and how it is written. */
export interface GenerationPlan {
  readonly model: ServedModel;
  readonly admissions: readonly AdmissionRequest[];
  readonly size: AnswerSize;
  readonly write: (replies: TrackedReplies) => Pick<Generation, "collect" | "chunks" | "snapshot">;
}

/** Says how many tokens were cut off the beginning of prompts. */
const truncatedHeader = "x-infernode-truncated-prompt-tokens";

/**
 * Reserves the memory of the answer and resolves when the engine has queued all requests.
 * @throws ApiError 400, 429 where the answer does not fit; what the engine throws; the signal's reason
 */
export async function startGeneration(
  { model, admissions, size, write }: GenerationPlan,
  { answers, service, clock }: ApiContext,
  signal: AbortSignal,
): Promise<Generation> {
  const release = answers.reserve(size, model.answerMemoryBytes);
  try {
    const admission = await admit(service, admissions, { modelId: model.id, signal });
    const replies = trackProgress(admission, clock);
    const { truncatedTokenCount } = admission;
    const headers = truncatedTokenCount > 0 ? { [truncatedHeader]: `${truncatedTokenCount}` } : {};
    return { progress: replies.progress, headers, release, ...write(replies) };
  } catch (error) {
    release();
    throw error;
  }
}
