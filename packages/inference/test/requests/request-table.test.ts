import { expect, test } from "vitest";
import { CachedSequence } from "../../src/kv/kv-cache.ts";
import { ActiveRequest } from "../../src/requests/active-request.ts";
import { createSequences } from "../../src/requests/create-sequences.ts";
import { GenerationStream } from "../../src/requests/generation-stream.ts";
import { createRequestTable } from "../../src/requests/request-table.ts";
import { resolveGenerationRequest } from "../../src/requests/resolve-generation-request.ts";
import { createKvCache } from "../../src/kv/create-kv-cache.ts";
import { createScheduler } from "../../src/schedule/scheduler.ts";
import { createPlainByteTokenizer } from "../support/byte-tokenizer.ts";

test("reports the prompt tokens that were cached when the request was first scheduled", () => {
  const kvCache = createKvCache({ layout: "slots", slotCount: 1, slotTokens: 9, move: () => {} });
  const limits = { maxTokensPerStep: 8, maxChunkTokens: 8, maxRunningSequences: 1, maxLogitRows: 1 };
  const table = createRequestTable({
    scheduler: createScheduler(kvCache, limits),
    clock: performance,
    publish: () => {},
  });
  const request = resolveGenerationRequest(
    { promptTokenIds: [1, 2, 3] },
    { vocabSize: 256, contextTokens: 9 },
  );
  const sequences = createSequences(request, {
    tokenizer: createPlainByteTokenizer([]),
    eosTokenIds: new Set(),
    random: Math.random,
  });
  const active = new ActiveRequest({
    promptTokenCount: 3,
    maxTokens: 6,
    logprobs: undefined,
    promptLogprobs: undefined,
    sequences,
    stream: new GenerationStream("r1", () => {}),
    queuedAtMs: 0,
  });
  const cached = new CachedSequence(request.promptTokenIds);
  for (const tokenCount of [2, 3]) {
    cached.tokenCount = tokenCount;
    sequences[0]!.cached = cached;
    table.markScheduled(active);
  }
  expect(active.finish(1)().usage.cachedPromptTokens).toBe(2);
});
