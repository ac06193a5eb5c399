import type { ModelStats } from "../model-service.ts";

/** Steps of the engine, and prompts that are ready for one; grows with every sign of progress. */
export function progressOf(stats: ModelStats | undefined): number {
  return (stats?.stepCount ?? 0) + (stats?.preparedPromptCount ?? 0);
}

/** Whether there is something that steps are to be made for. */
export function hasWork(stats: ModelStats | undefined): boolean {
  return (stats?.runningSequenceCount ?? 0) + (stats?.waitingRequestCount ?? 0) > 0;
}
