import { expect, test } from "vitest";
import { resolveEngineOptions } from "../../src/engine/resolve-engine-options.ts";
import { createStepLoop } from "../../src/engine/step-loop.ts";
import { createRequestTable } from "../../src/requests/request-table.ts";
import type { GeneratedSequence } from "../../src/requests/generated-sequence.ts";
import { createSampler } from "../../src/sampling/sampler.ts";
import { createScheduler } from "../../src/schedule/scheduler.ts";
import { createActiveRequest } from "../support/active-request.ts";
import { createPlainByteTokenizer } from "../support/byte-tokenizer.ts";
import { createFakeExecutor } from "../support/fake-executor.ts";
import { PlainMemory } from "../support/plain-memory.ts";

test("fails the waiting requests when an idle KV cache has no room for the first of them", async () => {
  const memory = new PlainMemory();
  const executor = createFakeExecutor({ vocabSize: 256 });
  const tokenizer = createPlainByteTokenizer([]);
  const options = resolveEngineOptions({ executor, tokenizer, eosTokenIds: [], model: "fake", memory });
  const scheduler = createScheduler<GeneratedSequence>(
    { ...options.kvCache, admit: () => undefined },
    { ...options.limits, maxLogitRows: executor.maxLogitRows },
  );
  const publish = (): void => {};
  const table = createRequestTable({ scheduler, clock: options.clock, publish });
  const sampler = createSampler({ vocabSize: 256, memory, model: "fake" });
  const loop = createStepLoop({ options, scheduler, table, sampler, publish });
  const requests = [createActiveRequest(0), createActiveRequest(0)];
  for (const request of requests) table.add(request);
  loop.wake();
  for (const { stream } of requests) {
    await expect(stream.result()).rejects.toMatchObject({
      code: "KV_CACHE_FULL",
      message: "expected room for the first waiting sequence in an idle KV cache, got none, with 2 waiting",
    });
  }
  await loop.whenAsleep();
  expect([table.activeCount, scheduler.waitingCount]).toEqual([0, 0]);
});
