import { expect, it } from "vitest";
import type { GenerationRequest, GenerationResult, InferenceEngine } from "../../src/index.ts";
import { createEngineFixture, createGate, fixtureVocabSize } from "../support/engine-fixture.ts";
import { createPagedExecutor, type PagedExecutorOptions } from "../support/paged-executor.ts";
import { createTextConstraint } from "../support/text-constraint.ts";

function createPagedEngine(options: Partial<PagedExecutorOptions> = {}): InferenceEngine {
  const executor = createPagedExecutor({
    vocabSize: fixtureVocabSize,
    pageTokens: 4,
    pageCount: 40,
    ...options,
  });
  return createEngineFixture({}, { executor }).engine;
}

function promptOf(count: number, salt = 0): number[] {
  return Array.from({ length: count }, (_, at) => (at * 31 + salt * 7) % 256);
}

const requestOf = (promptTokenIds: number[], part: Partial<GenerationRequest> = {}): GenerationRequest => ({
  promptTokenIds,
  sampling: { seed: 5 },
  stopping: { maxTokens: 20, ignoreEos: true },
  ...part,
});

/** What the same requests are answered by an engine with slots. */
async function answersInSlots(requests: readonly GenerationRequest[]): Promise<unknown[]> {
  const { engine } = createEngineFixture();
  const results = await Promise.all(requests.map((request) => engine.generate(request).result()));
  return results.map(({ choices, promptLogprobs }) => ({ choices, promptLogprobs }));
}

async function answersOf(
  engine: InferenceEngine,
  requests: readonly GenerationRequest[],
): Promise<unknown[]> {
  const results = await Promise.all(requests.map((request) => engine.generate(request).result()));
  return results.map(({ choices, promptLogprobs }) => ({ choices, promptLogprobs }));
}

it("preempts the sequences that arrived last, and answers as if it had not", async () => {
  // 13 pages: each sequence needs 8 of them at its end, and 3 for its prompt.
  const engine = createPagedEngine({ pageCount: 13 });
  const requests = [1, 2, 3, 4].map((salt) =>
    requestOf(promptOf(10, salt), { sampling: { seed: salt, temperature: 1.2, frequencyPenalty: 0.5 } }),
  );
  expect(await answersOf(engine, requests)).toEqual(await answersInSlots(requests));
  const stats = engine.stats();
  expect(stats.preemptionCount).toBeGreaterThan(2);
  expect(stats).toMatchObject({ kvCacheUsage: 0, runningSequenceCount: 0, waitingTokenCount: 0 });
  // What was preempted is not counted as looked up.
  expect(stats.prefixCacheQueriedTokenCount).toBe(40);
});

it("preempts a sequence among the tokens of its constraint, and one between the log-probabilities of its prompt", async () => {
  const requests = [
    requestOf(promptOf(18, 1)),
    requestOf(promptOf(3, 2), { constraint: createTextConstraint(["a long text that must follow", "an"]) }),
    requestOf(promptOf(22, 3), { promptLogprobs: 1, stopping: { maxTokens: 2, ignoreEos: true } }),
  ];
  let preemptionCount = 0;
  for (const pageCount of [10, 11, 12, 13, 14]) {
    const engine = createPagedEngine({ pageCount, maxLogitRows: 10 });
    expect(await answersOf(engine, requests)).toEqual(await answersInSlots(requests));
    preemptionCount += engine.stats().preemptionCount;
  }
  expect(preemptionCount).toBeGreaterThan(2);
});

it("computes what prompts begin with only once, and counts it as cached", async () => {
  let computedTokenCount = 0;
  const engine = createPagedEngine({
    onForward: ({ chunkCount, lengths }) => {
      for (let chunk = 0; chunk < chunkCount; chunk += 1) computedTokenCount += lengths[chunk]!;
    },
  });
  const ask = async (request: GenerationRequest): Promise<[number, GenerationResult]> => {
    const before = computedTokenCount;
    const result = await engine.generate(request).result();
    return [computedTokenCount - before, result];
  };
  const once = { maxTokens: 1 };
  const beginning = promptOf(21);
  const [firstCount, first] = await ask(requestOf(beginning, { stopping: once }));
  expect([firstCount, first.usage.cachedPromptTokens]).toEqual([21, 0]);
  const [sameCount, same] = await ask(requestOf(beginning, { stopping: once }));
  expect([sameCount, same.usage.cachedPromptTokens]).toEqual([1, 20]);
  expect(same.choices).toEqual(first.choices);
  const [nextCount, next] = await ask(requestOf([...beginning, 1, 2, 3, 4], { stopping: once }));
  expect([nextCount, next.usage.cachedPromptTokens]).toEqual([5, 20]);
  // Its answers share all full pages of the prompt but compute its end.
  const [manyCount, many] = await ask(requestOf(promptOf(14, 9), { n: 3, stopping: once }));
  expect([manyCount, many.usage.cachedPromptTokens]).toEqual([14 + 2 * 2, 0]);
  const { prefixCacheQueriedTokenCount, prefixCacheHitTokenCount } = engine.stats();
  expect([prefixCacheQueriedTokenCount, prefixCacheHitTokenCount]).toEqual([21 + 21 + 25 + 42, 40 + 24]);
});

it("finds a whole conversation that goes on after an answer", async () => {
  const engine = createPagedEngine();
  const promptTokenIds = promptOf(10);
  const { choices } = await engine.generate(requestOf(promptTokenIds)).result();
  const conversation = [...promptTokenIds, ...choices[0]!.tokenIds, 7, 7, 7];
  const { usage } = await engine.generate(requestOf(conversation)).result();
  // The last token of the answer was never computed.
  expect([conversation.length, usage.cachedPromptTokens]).toEqual([33, 28]);
});

it("answers requests that arrive together and begin the same from one computation", async () => {
  const counts: number[] = [];
  const engine = createPagedEngine({
    onForward: ({ chunkCount, lengths }) => void counts.push(...lengths.subarray(0, chunkCount)),
  });
  const requests = [1, 2, 3].map((end) => requestOf([...promptOf(20), end], { stopping: { maxTokens: 1 } }));
  expect(await answersOf(engine, requests)).toEqual(await answersInSlots(requests));
  expect(counts).toEqual([21, 1, 1]);
});

it("refuses at once what can never fit in all pages", () => {
  const engine = createPagedEngine({ pageCount: 6, contextTokens: 100 });
  expect(engine.contextTokens).toBe(24);
  expect(() => engine.generate(requestOf(promptOf(20)))).toThrow(
    "expected at most 24 tokens, the maximum context length, got 40",
  );
});

it("frees the pages of aborted requests, also of preempted ones", async () => {
  const { opened, open } = createGate();
  const controllers = [1, 2, 3].map(() => new AbortController());
  const reached = createGate();
  let forwardCount = 0;
  const engine = createPagedEngine({
    pageCount: 9,
    onForward: async () => {
      forwardCount += 1;
      if (forwardCount !== 14) return;
      reached.open();
      await opened;
    },
  });
  const streams = controllers.map(({ signal }, salt) => {
    const stream = engine.generate(requestOf(promptOf(6, salt), { signal }));
    return stream.result().catch((reason: unknown) => reason);
  });
  await reached.opened;
  const { preemptionCount, waitingTokenCount } = engine.stats();
  expect([preemptionCount > 0, waitingTokenCount > 0]).toEqual([true, true]);
  for (const controller of controllers) controller.abort("gone");
  open();
  expect(await Promise.all(streams)).toEqual(["gone", "gone", "gone"]);
  await engine.drain();
  expect(engine.stats()).toMatchObject({ kvCacheUsage: 0, waitingTokenCount: 0, runningSequenceCount: 0 });
});
