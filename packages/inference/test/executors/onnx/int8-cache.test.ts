import { describe, expect, test } from "vitest";
import { ForwardDriver, GreedySequence } from "../../../src/conformance/forward-driver.ts";
import type { Executor } from "../../../src/executors/executor.ts";
import type { ExecutorSizes, KvRangeSource } from "../../../src/executors/executor-provider.ts";
import { createOnnxExecutor } from "../../../src/executors/onnx/index.ts";
import { executorCases, type GoldenPrompt } from "../../../src/testing.ts";
import { hasOracle, oracleLogits } from "../support/golden-oracle.ts";
import { kvStepsOf } from "../support/kv-steps.ts";
import { firstsOfFamilies, firstsOfKinds, openGolden, readGolden } from "../support/golden.ts";
import { PlainMemory } from "../../support/plain-memory.ts";

/** Ranges that are measured once. */
function keepRanges(tokenIds: readonly number[]): KvRangeSource & { kept: Float32Array | undefined } {
  return {
    kept: undefined,
    tokenIds: async () => tokenIds,
    async read() {
      return this.kept;
    },
    async write(ranges) {
      this.kept = ranges;
    },
  };
}

function meanSquare(numbers: Float32Array): number {
  return numbers.reduce((sum, each) => sum + each * each, 0) / numbers.length;
}

/** How large the difference of two rows is. */
function differenceOf(found: Float32Array, wanted: ArrayLike<number>): number {
  const difference = found.map((logit, at) => logit - wanted[at]!);
  return Math.sqrt(meanSquare(difference) / meanSquare(Float32Array.from(wanted)));
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((one, other) => one - other)[numbers.length >> 1] ?? Number.NaN;
}

/** What an executor says to a prompt in one chunk, alone. */
async function answer(executor: Executor, prompt: GoldenPrompt): Promise<GoldenPrompt> {
  const driver = new ForwardDriver(executor);
  const rows: Float32Array[] = [];
  const { tokenIds } = prompt;
  for (let count = prompt.firstPosition + 1; count <= tokenIds.length; count += 1) {
    const [row] = await driver.runAlone([{ startPosition: 0, tokenIds: tokenIds.slice(0, count) }]);
    if (row !== undefined) rows.push(row);
  }
  const sequence = new GreedySequence(driver, tokenIds);
  while (sequence.generated.length < prompt.greedyTokenIds.length) await driver.step([sequence]);
  sequence.release();
  return { ...prompt, logits: rows, greedyTokenIds: [...sequence.generated] };
}

/** What reads the cache; what comes before it and after it is the same with every cache. */
const kinds = await firstsOfKinds(({ softCap, slidingWindowTokens, sinks }) => [
  softCap,
  slidingWindowTokens,
  sinks,
]);

const names = new Set([...kinds, ...(await firstsOfFamilies())]);

describe.each([...names])("%s", async (name) => {
  const model = await openGolden(name);
  const golden = readGolden(name);
  const memory = new PlainMemory();
  const kvRanges = keepRanges(golden.flatMap(({ tokenIds }) => tokenIds));
  const create = (sizes: ExecutorSizes): Promise<Executor> =>
    createOnnxExecutor({ model, memory, runtime: "ffi", kvCacheDtype: "int8", kvRanges, ...sizes });
  const answers: GoldenPrompt[] = [];
  {
    await using executor = await create({ maxSequences: 1 });
    for (const prompt of golden) answers.push(await answer(executor, prompt));
  }

  // Weights at random make much of little differences, and each layer makes more of those of the layers before.
  // A little difference may send a token to another expert.
  const share = model.config.experts === undefined ? 0.08 : 0.13;
  const limit = share * model.config.layerCount;
  test("is near the reference, and measured once", async () => {
    for (const [index, { logits }] of answers.entries()) {
      for (const [row, found] of logits.entries()) {
        const wanted = golden[index]?.logits[row] ?? found.map(() => Number.NaN);
        const difference = found.map((logit, at) => logit - wanted[at]!);
        expect(meanSquare(difference)).toBeLessThan(limit ** 2 * meanSquare(wanted));
      }
    }
    const ranges = kvRanges.kept;
    await using again = await create({ maxSequences: 2 });
    expect([again.plan.maxSequences, kvRanges.kept]).toEqual([2, ranges]);
  });

  // All of that difference is the rounding of keys and values. A number between two steps may be rounded the other way.
  test.runIf(hasOracle(model))("is the oracle with keys and values that are rounded alike", () => {
    const index = golden.findIndex(({ logits }) => logits.length > 1);
    const { tokenIds = [], logits: exact = [], firstPosition = 0 } = golden[index] ?? {};
    const ranges = kvRanges.kept ?? new Float32Array();
    const rounded = oracleLogits(model, tokenIds, (layer) => kvStepsOf(ranges, model.config, layer));
    const found = answers[index]?.logits ?? [];
    expect(found).toHaveLength(exact.length);
    const toRounded = found.map((row, at) => differenceOf(row, rounded[firstPosition + at]!));
    const toExact = found.map((row, at) => differenceOf(row, exact[at]!));
    expect(median(toRounded)).toBeLessThan(0.1 * median(toExact));
  });

  const cases = kinds.has(name) ? executorCases({ create, prompts: answers, tolerance: 0.03 }) : [];
  test.each(cases)("$name", async (conformanceCase) => {
    await conformanceCase.run();
    expect(memory.liveBytes).toBe(0);
  });
});

describe("a prompt that is longer than what is kept in float32", async () => {
  const model = await openGolden("qwen2");
  const [prompt] = readGolden("qwen2").toSorted((a, b) => b.tokenIds.length - a.tokenIds.length);
  const tokenIds = [...(prompt?.tokenIds ?? [])];
  const kvRanges = keepRanges(tokenIds);

  test("is computed on int8 from there on, with nearly the same logits", async () => {
    const open = async (maxSequences: number): Promise<ForwardDriver> =>
      new ForwardDriver(
        await createOnnxExecutor({
          model,
          memory: new PlainMemory(),
          kvCacheDtype: "int8",
          kvRanges,
          maxSequences,
          maxChunkTokens: 8,
        }),
      );
    const rows = [];
    for (const maxSequences of [16, 1]) {
      const driver = await open(maxSequences);
      rows.push((await driver.runAlone([{ startPosition: 0, tokenIds }]))[0] ?? new Float32Array());
      await driver.executor.dispose();
    }
    const [long = new Float32Array(), short = new Float32Array()] = rows;
    expect(tokenIds.length).toBeGreaterThan(16);
    expect(meanSquare(long.map((logit, at) => logit - short[at]!))).toBeLessThan(1e-3 * meanSquare(long));
  });
});

test("is planned with about a quarter of the memory of float32, and takes as much as planned", async () => {
  const model = await openGolden("llama2");
  const plans = [];
  for (const kvCacheDtype of ["float32", "int8"] as const) {
    const memory = new PlainMemory();
    const sizes = { maxSequences: 16, contextTokens: 64, kvCacheDtype };
    await using executor = await createOnnxExecutor({ model, memory, ...sizes });
    const { activationsBytes, workspaceBytes, kvCacheBytes, kvBytesPerToken } = executor.plan;
    const logitsBytes = executor.maxLogitRows * executor.vocabSize * 4;
    expect(memory.liveBytes).toBe(kvCacheBytes + workspaceBytes + logitsBytes);
    expect(activationsBytes).toBeGreaterThanOrEqual(logitsBytes);
    plans.push({ kvCacheBytes, kvBytesPerToken });
  }
  const [float32, int8] = plans;
  expect(int8?.kvBytesPerToken).toBe((float32?.kvBytesPerToken ?? 0) / 4);
  expect((int8?.kvCacheBytes ?? 0) / (float32?.kvCacheBytes ?? 0)).toBeLessThan(0.33);
});

test("runs through the Node binding, and measures with tokens of the vocabulary where there is no text", async () => {
  const model = await openGolden("qwen3");
  const [prompt] = readGolden("qwen3");
  const rows = [];
  for (const runtime of ["ffi", "binding"] as const) {
    const sizes = { maxSequences: 2, contextTokens: 64, kvCacheDtype: "int8", runtime } as const;
    const executor = await createOnnxExecutor({ model, memory: new PlainMemory(), ...sizes });
    const driver = new ForwardDriver(executor);
    const sequence = new GreedySequence(driver, prompt?.tokenIds ?? []);
    for (let step = 0; step < 5; step += 1) await driver.step([sequence]);
    rows.push([...sequence.generated]);
    await executor.dispose();
  }
  expect(rows[0]).toHaveLength(5);
  expect(rows[1]).toEqual(rows[0]);
});

test("takes kept ranges only where they fit the model", async () => {
  const model = await openGolden("llama2");
  const kvRanges = keepRanges([1, 2, 3]);
  kvRanges.kept = Float32Array.of(1, 2, 3);
  const sizes = { maxSequences: 1, kvCacheDtype: "int8", kvRanges } as const;
  await using executor = await createOnnxExecutor({ model, memory: new PlainMemory(), ...sizes });
  const { layerCount, kvHeadCount, headDim } = model.config;
  expect(executor.plan.kvCacheDtype).toBe("int8");
  expect(kvRanges.kept).toHaveLength(2 * layerCount * kvHeadCount * headDim);
});
