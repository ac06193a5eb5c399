import { open } from "node:fs/promises";
import { expect, test } from "vitest";
import {
  createEngine,
  type Executor,
  type ForwardResult,
  type GenerationRequest,
  type GenerationResult,
  type RowSampling,
  type TokenLogprob,
} from "../../../src/index.ts";
import { createCudaExecutor } from "../../../src/executors/cuda/index.ts";
import { createPlainByteTokenizer } from "../../support/byte-tokenizer.ts";
import { createTextConstraint } from "../../support/text-constraint.ts";
import { PlainMemory } from "../../support/plain-memory.ts";
import { samplingOf } from "../support/sampling-of.ts";
import { openGolden } from "../support/golden.ts";
import { createRandomCheckpoint, tinyConfig } from "../support/random-checkpoint.ts";
import { describeOnProcessor } from "./describe-device.ts";

const sizes = { maxSequences: 6, contextTokens: 64 };

/** The same executor, for an engine that samples on the host. */
const withoutSampling = (executor: Executor): Executor => ({
  ...executor,
  canSample: false,
  editCapacity: undefined,
  maxTopCount: undefined,
  forward: (batch) => executor.forward(batch),
  dispose: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
});

/** Counts rows of which the executor returns tokens, and those of which it returns logits. */
function countRows(
  executor: Executor,
): Executor & { readonly tokenCount: number; readonly rowCount: number } {
  const counts = { tokenCount: 0, rowCount: 0 };
  return Object.assign(counts, withoutSampling(executor), {
    canSample: true,
    editCapacity: executor.editCapacity,
    maxTopCount: executor.maxTopCount,
    forward: async (batch: Parameters<Executor["forward"]>[0]) => {
      const result = await executor.forward(batch);
      return {
        rowCount: result.rowCount,
        row: (index: number) => {
          counts.rowCount += 1;
          return result.row(index);
        },
        tokenId: (index: number) => {
          counts.tokenCount += 1;
          return result.tokenId!(index);
        },
        logprobs: (index: number) => result.logprobs!(index),
      };
    },
  });
}

async function answersOf(
  executor: Executor,
  requests: readonly GenerationRequest[],
): Promise<GenerationResult["choices"][]> {
  await using engine = createEngine({
    executor,
    // Some rows of the output head have no token.
    tokenizer: createPlainByteTokenizer([]),
    eosTokenIds: [],
    model: "m",
    memory: new PlainMemory(),
    // Masks are worked out for a limited time.
    clock: { now: () => 0 },
  });
  const results = await Promise.all(requests.map((request) => engine.generate(request).result()));
  return results.map(({ choices }) => choices);
}

const sampleOne = (executor: Executor, sampling: RowSampling): Promise<ForwardResult> =>
  executor.forward({
    chunkCount: 1,
    slots: Int32Array.of(0),
    blockTables: Int32Array.of(0),
    blockTableStride: 1,
    startPositions: Int32Array.of(0),
    lengths: Int32Array.of(1),
    logitCounts: Int32Array.of(1),
    tokenIds: Int32Array.of(5),
    sampling,
  });

const requestOf = (salt: number, sampling: GenerationRequest["sampling"]): GenerationRequest => ({
  promptTokenIds: Array.from({ length: 9 + salt }, (_, at) => (at * 31 + salt * 7) % 250),
  sampling: { seed: salt, ...sampling },
  stopping: { maxTokens: 8, ignoreEos: true },
});

const plain = [
  { temperature: 0 },
  {},
  { temperature: 0.6, topK: 7 },
  { topP: 0.8, minP: 0.02 },
  { seed: -3n, temperature: 1.9, topP: 0.99 },
].map((sampling, salt) => requestOf(salt, sampling));

describeOnProcessor("sampling on a CUDA device", (openPool, { standIn }) => {
  test("draws what the host draws, of edited rows too, with log-probabilities", async () => {
    const model = await openGolden("llama2");
    using memory = openPool();
    // A pass has room for 14 tokens, so that a step takes several.
    await using executor = await createCudaExecutor({
      model,
      pool: memory.pool,
      ...sizes,
      maxChunkTokens: 8,
    });
    const requests = [
      ...plain,
      requestOf(5, { frequencyPenalty: 0.7 }),
      requestOf(6, {
        repetitionPenalty: 1.4,
        presencePenalty: -0.3,
        logitBias: new Map([
          [3, 5.1],
          [200, -20],
        ]),
      }),
      requestOf(7, { allowedTokenIds: [3, 50, 99, 120, 249], temperature: 0 }),
      requestOf(8, { bannedSequences: [[9], [3, 50]], topK: 4 }),
      { ...requestOf(9, {}), constraint: createTextConstraint(["one answer", "other answer", "one more"]) },
      { ...requestOf(6, {}), logprobs: 1 },
      { ...requestOf(6, { presencePenalty: 1.5, temperature: 0 }), logprobs: 20 },
      { ...requestOf(8, { allowedTokenIds: [3, 50, 99] }), logprobs: 0 },
      { ...requestOf(7, {}), stopping: { minTokens: 3, maxTokens: 8, stopTokenIds: [1, 2, 3] } },
    ];
    const counted = countRows(executor);
    const sampled = await answersOf(counted, requests);
    // Log-probabilities depend on how many rows were computed together.
    const tokensOf = (answers: typeof sampled): unknown =>
      answers.map((choices) => choices.map(({ tokenIds, finishReason }) => ({ tokenIds, finishReason })));
    expect(tokensOf(sampled)).toEqual(tokensOf(await answersOf(withoutSampling(executor), requests)));
    const lastCount = sampled.at(-1)![0]!.tokenIds.length;
    expect([counted.tokenCount, counted.rowCount]).toEqual([13 * 8 + lastCount, 0]);
  });

  test.each([
    ["as they are", { ...requestOf(1, { temperature: 0 }), logprobs: 20 }],
    ["drawn", { ...requestOf(2, { topK: 30 }), logprobs: 3 }],
    [
      "of changed rows",
      { ...requestOf(3, { presencePenalty: 2, logitBias: new Map([[7, 9]]) }), logprobs: 5 },
    ],
    ["of masked rows", { ...requestOf(4, { allowedTokenIds: [3, 50, 99, 120] }), logprobs: 0 }],
  ])("gives the log-probabilities that the host computes: %s", async (_, request) => {
    const model = await openGolden("llama2");
    using memory = openPool();
    await using executor = await createCudaExecutor({ model, pool: memory.pool, ...sizes });
    const logprobsOf = async (asked: Executor): Promise<readonly TokenLogprob[]> => {
      const [choices] = await answersOf(asked, [request]);
      return choices![0]!.logprobs!;
    };
    const [got, expected] = [await logprobsOf(executor), await logprobsOf(withoutSampling(executor))];
    const withoutNumbers = (tokens: readonly TokenLogprob[]): unknown =>
      tokens.map(({ tokenId, rank, top }) => ({ tokenId, rank, top: top.map((each) => each.tokenId) }));
    expect(withoutNumbers(got)).toEqual(withoutNumbers(expected));
    const numbersOf = (tokens: readonly TokenLogprob[]): number[] =>
      tokens.flatMap(({ logprob, top }) => [logprob, ...top.map((each) => each.logprob)]);
    const others = numbersOf(expected);
    const differences = numbersOf(got).map((logprob, at) => Math.abs(logprob - others[at]!));
    expect(Math.max(...differences)).toBeLessThan(1e-11);
  });

  test("records graphs of likeliest tokens, of draws, of edited and ranked rows and of logits apart", async () => {
    const model = await openGolden("llama2");
    using memory = openPool();
    await using executor = await createCudaExecutor({ model, pool: memory.pool, ...sizes });
    const edited = requestOf(1, { allowedTokenIds: [5, 6], temperature: 0 });
    const kinds = [
      [executor, requestOf(1, { temperature: 0 })],
      [executor, requestOf(1, {})],
      [executor, edited],
      [executor, { ...requestOf(1, { temperature: 0 }), logprobs: 1 }],
      [executor, { ...edited, logprobs: 1 }],
      [withoutSampling(executor), requestOf(1, {})],
    ] as const;
    for (const [at, [asked, request]] of kinds.entries()) {
      for (let round = 0; round < 2; round += 1) {
        const answers = await answersOf(asked, [request]);
        expect(answers).toEqual(await answersOf(asked, [request]));
      }
      expect(standIn.live().graphs).toBe(at + 1);
    }
  });

  test("fails what cannot be sampled as the host does", async () => {
    await using checkpoint = await createRandomCheckpoint(tinyConfig, 1);
    const { model } = checkpoint;
    const file = await open(checkpoint.filePath, "r+");
    await file.write(Uint8Array.of(0, 0, 192, 127), 0, 4, model.weights.weight("head")!.data.startByte);
    await file.close();
    using memory = openPool();
    await using executor = await createCudaExecutor({
      model,
      pool: memory.pool,
      hasFiniteWeights: true,
      ...sizes,
    });
    const request = { ...requestOf(0, {}), promptTokenIds: [1, 2, 3] };
    const messageOf = (asked: Executor, part: Partial<GenerationRequest> = {}): Promise<unknown> =>
      answersOf(asked, [{ ...request, ...part }]).catch((error: Error) => error.message);
    const message = await messageOf(withoutSampling(executor));
    expect(message).toMatch(/logits with a finite maximum, got 1 NaN and 0 infinite/);
    expect(await messageOf(executor)).toBe(message);
    expect(await messageOf(executor, { sampling: { temperature: 0 } })).toBe(message);
  });

  test("draws among equally likely tokens at the lowest temperature", async () => {
    await using checkpoint = await createRandomCheckpoint(tinyConfig, 1);
    const { model } = checkpoint;
    const { startByte, endByte } = model.weights.weight("head")!.data;
    const file = await open(checkpoint.filePath, "r+");
    await file.write(new Uint8Array(endByte - startByte), 0, endByte - startByte, startByte);
    await file.close();
    using memory = openPool();
    await using executor = await createCudaExecutor({ model, pool: memory.pool, ...sizes });
    const temperatures = Float64Array.of(Number.MIN_VALUE);
    for (const [uniform, expected] of [
      [0, 0],
      [0.5, 4],
      [0.99, 7],
    ] as const) {
      const sampling = samplingOf(1, { temperatures, tokenCount: 8, uniforms: Float64Array.of(uniform) });
      expect((await sampleOne(executor, sampling)).tokenId!(0)).toBe(expected);
    }
  });

  test("returns of a row what was asked for only", async () => {
    const model = await openGolden("llama2");
    using memory = openPool();
    await using executor = await createCudaExecutor({ model, pool: memory.pool, ...sizes });
    const result = await sampleOne(executor, samplingOf(1, { tokenCount: 1 }));
    expect(result.tokenId!(0)).toBe(0);
    // An error that is kept would keep its frames, and with them pinned memory.
    const messageOf = (call: () => unknown): unknown => {
      try {
        return call();
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(messageOf(() => result.row(0))).toBe("`index`: expected one of 1 rows, not sampled, got 0");
    expect(messageOf(() => result.tokenId!(1))).toBe(
      "`index`: expected one of 1 rows that is sampled, got 1",
    );
  });
});
