import { expect, it } from "vitest";
import { createRandom } from "../../../../benchmarks/lib/random.ts";
import type { EngineStats, ForwardBatch, GenerationRequest, InferenceEngine } from "../../src/index.ts";
import { bytesOf, createEngineFixture, createGate, fixtureVocabSize } from "../support/engine-fixture.ts";
import { hashLogits } from "../support/fake-executor.ts";
import { createPagedExecutor, type PagedExecutorOptions } from "../support/paged-executor.ts";
import { createTextConstraint } from "../support/text-constraint.ts";

function createPagedEngine(options: Partial<PagedExecutorOptions> = {}): InferenceEngine {
  const shape = { vocabSize: fixtureVocabSize, pageTokens: 4, pageCount: 80, maxLogitRows: 20 };
  return createEngineFixture({}, { executor: createPagedExecutor({ ...shape, ...options }) }).engine;
}

/**
 * What engines whose executors do and do not sample answer, and the kinds of rows in each batch of the first. One whose
 * executor runs ahead answers the same.
 */
async function answerBothWays(
  requests: readonly GenerationRequest[],
  options: Partial<PagedExecutorOptions> = {},
): Promise<{ readonly sampled: unknown; readonly host: unknown; readonly rows: readonly number[][] }> {
  const rows: number[][] = [];
  const onForward = (batch: ForwardBatch): void => void rows.push(sampledOf(batch));
  const [sampled, host, ahead] = [
    createPagedEngine({ ...options, onForward }),
    createPagedEngine({ ...options, canSample: false }),
    createPagedEngine({ ...options, canRunAhead: true }),
  ].map((engine) => Promise.all(requests.map((request) => engine.generate(request).result())));
  const answersOf = (results: Awaited<typeof sampled>): unknown =>
    results?.map(({ choices, promptLogprobs }) => ({ choices, promptLogprobs }));
  expect(answersOf(await ahead)).toEqual(answersOf(await sampled));
  return { sampled: answersOf(await sampled), host: answersOf(await host), rows };
}

/** Which rows of a batch the executor samples. */
function sampledOf({ chunkCount, logitCounts, sampling }: ForwardBatch): number[] {
  let rowCount = 0;
  for (const logitCount of logitCounts.subarray(0, chunkCount)) rowCount += logitCount;
  return sampling === undefined
    ? Array.from({ length: rowCount }, () => 0)
    : [...sampling.isSampled.subarray(0, rowCount)];
}

const requestOf = (salt: number, part: Partial<GenerationRequest> = {}): GenerationRequest => ({
  promptTokenIds: Array.from({ length: 5 + salt }, (_, at) => (at * 31 + salt * 7) % 256),
  sampling: { seed: salt },
  stopping: { maxTokens: 12, ignoreEos: true },
  ...part,
});

it("leaves plain sampling to the executor, and the rest to the host, in the same steps", async () => {
  const plain = [
    {},
    { temperature: 0 },
    { temperature: 0.6, topK: 7 },
    { topP: 0.8, minP: 0.02 },
    { seed: -3n, temperature: 1.9, topP: 0.99 },
  ].map((sampling, salt) => requestOf(salt, { sampling: { seed: salt, ...sampling } }));
  const onHost = [
    requestOf(5, { sampling: { seed: 1, frequencyPenalty: 0.7 } }),
    requestOf(6, { sampling: { seed: 1, logitBias: new Map([[9, 4]]) } }),
    requestOf(7, { logprobs: 2 }),
  ];
  const { sampled, host, rows } = await answerBothWays([...plain, ...onHost]);
  expect(sampled).toEqual(host);
  expect(rows).toContainEqual([1, 1, 1, 1, 1, 0, 0, 0]);
});

it("asks for the logits of masked rows and of prompts", async () => {
  const { sampled, host, rows } = await answerBothWays([
    requestOf(1, { sampling: { seed: 1, allowedTokenIds: [4, 5, 6] } }),
    requestOf(2, { constraint: createTextConstraint(["one answer", "other answer"]) }),
    requestOf(3, { sampling: { seed: 1, bannedSequences: [[7], [8, 9]] } }),
    requestOf(4, { promptLogprobs: 1, stopping: { maxTokens: 3, ignoreEos: true } }),
    requestOf(5, { promptLogprobs: 1, stopping: { maxTokens: 0 } }),
  ]);
  expect(sampled).toEqual(host);
  // Only the end of the fourth prompt, and the tokens after it.
  expect(rows.flat().filter((isSampled) => isSampled === 1)).toHaveLength(3);
});

it("goes over to the executor once enough tokens were generated to end", async () => {
  const stopping = { minTokens: 4, maxTokens: 9, stopTokenIds: bytesOf("abcdefghijklmnop") };
  const { sampled, host, rows } = await answerBothWays([requestOf(1, { stopping }), requestOf(2)]);
  expect(sampled).toEqual(host);
  expect(rows.slice(0, 5)).toEqual([
    [0, 1],
    [0, 1],
    [0, 1],
    [0, 1],
    [1, 1],
  ]);
});

it("draws the same for every seed and parameter, preempted or not", async () => {
  const random = createRandom(11);
  const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;
  for (let round = 0; round < 12; round += 1) {
    const requests = Array.from({ length: 5 }, (_, salt) =>
      requestOf(salt, {
        n: pick(1, 1, 3),
        sampling: {
          seed: Math.floor(random() * 1e9),
          temperature: pick(0, 0.3, 1, 2),
          topK: pick(0, 1, 20),
          topP: pick(1, 0.9, 0.2),
          minP: pick(0, 0, 0.1),
          presencePenalty: pick(0, 0, 1),
        },
        ...(random() < 0.3 ? { logprobs: 1 } : {}),
      }),
    );
    const { sampled, host } = await answerBothWays(requests, { pageCount: 14 });
    expect(sampled).toEqual(host);
  }
});

it.each([Number.NaN, Infinity])("fails a request whose logits are %s, and no other", async (logit) => {
  const spoilt = (history: readonly number[], row: Float32Array): void => {
    hashLogits(history, row);
    if (history[0] === 77 && history.length === 6) row[3] = logit;
  };
  const messages = await Promise.all(
    [{}, { canSample: false }, { canRunAhead: true }].map(async (options) => {
      const engine = createPagedEngine({ ...options, logits: spoilt });
      const other = engine.generate(requestOf(2)).result();
      const failing = engine.generate(requestOf(1, { promptTokenIds: [77, 1, 2, 3] })).result();
      const message = await failing.catch((error: Error) => error.message);
      expect((await other).choices[0]?.tokenIds).toHaveLength(12);
      return message;
    }),
  );
  expect(messages[0]).toMatch(/expected 257 logits with a finite maximum, got . NaN and . infinite/);
  expect(new Set(messages).size).toBe(1);
});

it.each([false, true])(
  "samples nothing for a request aborted during a forward, ahead: %s",
  async (canRunAhead) => {
    const [reached, gate] = [createGate(), createGate()];
    const controller = new AbortController();
    let forwardCount = 0;
    const engine = createPagedEngine({
      canRunAhead,
      onForward: async () => {
        forwardCount += 1;
        if (forwardCount !== 3) return;
        reached.open();
        await gate.opened;
      },
    });
    const alone = createPagedEngine().generate(requestOf(2)).result();
    const aborted = engine.generate(requestOf(1, { signal: controller.signal })).result();
    const other = engine.generate(requestOf(2)).result();
    await reached.opened;
    controller.abort("gone");
    gate.open();
    await expect(aborted).rejects.toBe("gone");
    expect((await other).choices).toEqual((await alone).choices);
  },
);

it("begins a step while the one before it runs, but behind rows that the host samples and full memory", async () => {
  const statsOf = async (
    requests: readonly GenerationRequest[],
    options: Partial<PagedExecutorOptions> = {},
  ): Promise<EngineStats> => {
    const engine = createPagedEngine({ canRunAhead: true, ...options });
    await Promise.all(requests.map((request) => engine.generate(request).result()));
    await engine.drain();
    return engine.stats();
  };
  const plain = [requestOf(1), requestOf(2)];
  // All but the first; behind the last one nothing is to be computed.
  expect(await statsOf(plain)).toMatchObject({ stepCount: 12, aheadStepCount: 11, hostHeldStepCount: 0 });
  const masked = requestOf(3, { sampling: { allowedTokenIds: [4, 5] }, stopping: { maxTokens: 4 } });
  expect(await statsOf([...plain, masked])).toMatchObject({ hostHeldStepCount: 4, aheadStepCount: 7 });
  const full = await statsOf(plain, { pageCount: 7 });
  expect(full.preemptionCount).toBeGreaterThan(0);
  expect(full.memoryHeldStepCount).toBeGreaterThan(0);
  // Nothing is begun ahead where it is not wanted.
  expect(await statsOf(plain, { canRunAhead: false })).toMatchObject({ stepCount: 12, aheadStepCount: 0 });
});

it("drops what it computed ahead of an answer that ended, whose pages others take", async () => {
  let forwardCount = 0;
  const options = { pageCount: 12, canRunAhead: true, onForward: () => void (forwardCount += 1) };
  const engine = createPagedEngine(options);
  // Half of all tokens end an answer.
  const stopTokenIds = Array.from({ length: 128 }, (_, at) => 2 * at);
  const requests = Array.from({ length: 12 }, (_, salt) =>
    requestOf(salt, { stopping: { stopTokenIds, maxTokens: 20 } }),
  );
  const results = await Promise.all(requests.map((request) => engine.generate(request).result()));
  await engine.drain();
  for (const [at, request] of requests.entries()) {
    const alone = await createPagedEngine().generate(request).result();
    expect(results[at]!.choices).toEqual(alone.choices);
  }
  const { stepCount, aheadStepCount, generatedTokenCount } = engine.stats();
  expect(aheadStepCount).toBeGreaterThan(0);
  expect([forwardCount, generatedTokenCount]).toEqual([
    stepCount,
    results.reduce((sum, { usage }) => sum + usage.completionTokens, 0),
  ]);
});
