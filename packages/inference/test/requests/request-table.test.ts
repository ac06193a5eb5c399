import { expect, test } from "vitest";
import { CachedSequence } from "../../src/kv/kv-cache.ts";
import type { ActiveRequest } from "../../src/requests/active-request.ts";
import type { GeneratedSequence } from "../../src/requests/generated-sequence.ts";
import { createRequestTable, type RequestTable } from "../../src/requests/request-table.ts";
import { createKvCache } from "../../src/kv/create-kv-cache.ts";
import { createScheduler } from "../../src/schedule/scheduler.ts";
import { createActiveRequest } from "../support/active-request.ts";

const limits = { maxTokensPerStep: 8, maxChunkTokens: 8, maxRunningSequences: 1, maxLogitRows: 1 };

function createFixture(): {
  readonly table: RequestTable;
  readonly clock: { nowMs: number };
  readonly add: () => ActiveRequest;
} {
  const clock = { nowMs: 0 };
  const kvCache = createKvCache({ layout: "slots", slotCount: 1, slotTokens: 9, move: () => {} });
  const scheduler = createScheduler<GeneratedSequence>(kvCache, limits);
  const table = createRequestTable({ scheduler, clock: { now: () => clock.nowMs }, publish: () => {} });
  const add = (): ActiveRequest => {
    const request = createActiveRequest(clock.nowMs);
    table.add(request);
    return request;
  };
  return { table, clock, add };
}

test("reports the prompt tokens that were cached when the request was first scheduled", () => {
  const { table, add } = createFixture();
  const request = add();
  const sequence = request.sequences[0]!;
  const cached = new CachedSequence(sequence.promptTokenIds);
  sequence.cached = cached;
  for (const tokenCount of [2, 3]) {
    cached.tokenCount = tokenCount;
    table.markScheduled(request);
  }
  expect(request.finish(1)().usage.cachedPromptTokens).toBe(2);
});

test("averages how long requests ran, the recent ones by a fifth", () => {
  const { table, clock, add } = createFixture();
  const means = [1000, 2000].map((serviceMs) => {
    const request = add();
    clock.nowMs += 77;
    table.markScheduled(request);
    clock.nowMs += serviceMs;
    table.end(request, { kind: "finished", result: request.finish(clock.nowMs) });
    return table.meanServiceMs;
  });
  expect(means).toEqual([1000, 1200]);
  expect(table.lastServedAtMs).toBe(clock.nowMs);
  const neverScheduled = add();
  clock.nowMs += 9000;
  table.end(neverScheduled, { kind: "aborted", reason: undefined });
  expect(table).toMatchObject({ meanServiceMs: 1200, activeCount: 0, waitingCount: 0 });
});
