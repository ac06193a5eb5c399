import { expect, test } from "vitest";
import type { EngineStats } from "@infernode/inference";
import type { PromptPool, PromptTask } from "../../../src/models/prompts/prompt-pool.ts";
import { createPromptService } from "../../../src/models/prompts/prompt-service.ts";

const engineStats: EngineStats = {
  stepCount: 3,
  aheadStepCount: 0,
  hostHeldStepCount: 0,
  memoryHeldStepCount: 0,
  proposalHeldStepCount: 0,
  proposalCount: 0,
  proposedTokenCount: 0,
  confirmedTokenCount: 0,
  runningSequenceCount: 4,
  waitingRequestCount: 6,
  waitingTokenCount: 60,
  kvCacheUsage: 0,
  promptTokenCount: 0,
  generatedTokenCount: 0,
  preemptionCount: 0,
  prefixCacheQueriedTokenCount: 0,
  prefixCacheHitTokenCount: 0,
  lastStepMs: 1,
  lastStepAtMs: undefined,
};

function setUp(stats: Partial<EngineStats> = {}) {
  const tasks: PromptTask[] = [];
  const pool: PromptPool = {
    ready: Promise.resolve(),
    run: async (task) => {
      tasks.push(task);
      return { type: "tokens", tokenIds: Int32Array.of(1, 2) };
    },
    stats: () => ({ waitingRequestCount: 2, waitingTokenCount: 20, finishedCount: 5 }),
    dispose: async () => undefined,
  };
  const service = createPromptService({
    pool,
    engine: { stats: () => ({ ...engineStats, ...stats }) },
    options: { maxQueuedRequests: 10, maxQueuedTokens: 1000 },
    plan: { contextTokens: 64, maxSequences: 4 },
  });
  return { service, tasks };
}

test("counts prompts that are still text among those that wait", () => {
  expect(setUp().service.stats()).toMatchObject({
    waitingRequestCount: 8,
    waitingTokenCount: 80,
    preparedPromptCount: 5,
  });
});

test("takes as many for answers as the engine's queue and its free places have room for", async () => {
  const text = { kind: "text", text: "hello" } as const;
  const full = setUp();
  full.service.recordServiceTime(2000);
  expect(await full.service.encode(text, { purpose: "generation" })).toEqual([1, 2]);
  expect(full.tasks[0]?.limits).toEqual({ requests: 4, characters: 8000, minRetryMs: 3000 });
  const idle = setUp({ runningSequenceCount: 1, waitingRequestCount: 0 });
  await idle.service.encode(text, { purpose: "generation" });
  expect(idle.tasks[0]?.limits).toEqual({ requests: 13, characters: 8000, minRetryMs: 0 });
  await idle.service.encode(text, { purpose: "inspection" });
  expect(idle.tasks[1]?.limits).toEqual({ requests: 10, characters: 8000 });
});

test("gives tokens back as they are", async () => {
  const { service, tasks } = setUp();
  const tokenIds = [3, 4];
  expect(await service.encode({ kind: "tokens", tokenIds }, { purpose: "generation" })).toBe(tokenIds);
  expect(tasks).toEqual([]);
});
