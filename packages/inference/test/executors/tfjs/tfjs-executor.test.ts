import type { MixtureOfExperts, ModelConfig } from "@infernode/models";
import { beforeAll, describe, expect, test, vi } from "vitest";
import type { Executor } from "../../../src/executors/executor.ts";
import { createTfjsExecutor, type TensorFlow } from "../../../src/executors/tfjs/index.ts";
import { openGolden, readGolden } from "../support/golden.ts";
import { createRandomCheckpoint, tinyConfig } from "../support/random-checkpoint.ts";
import { PlainMemory } from "../../support/plain-memory.ts";

const tokens = [3, 5, 80, 11, 12, 3, 7, 66, 31, 2, 44, 19];
const runtimes = ["cpu", "wasm"] as const;
const experts: MixtureOfExperts = {
  expertCount: 5,
  expertsPerToken: 2,
  intermediateSize: 72,
  areWeightsNormalized: true,
  sharedIntermediateSize: undefined,
  layers: [true, true],
  hasInterleavedGateUp: false,
  swigluLimit: undefined,
};
/** Has every part that makes tensors. */
const fullConfig: ModelConfig = {
  ...tinyConfig,
  experts,
  hasAttentionSinks: true,
  slidingWindowTokens: [5, undefined],
  attentionSoftCap: 2,
  logitSoftCap: 5,
};

let tf: TensorFlow;
beforeAll(async () => {
  tf = (await import("@tensorflow/tfjs-core")) as unknown as TensorFlow;
});

/** Runs tokens of slot 0 from a position on; returns the logits after the last one. */
async function run(executor: Executor, start: number, tokenIds: readonly number[]): Promise<number[]> {
  const result = await executor.forward({
    chunkCount: 1,
    slots: Int32Array.of(0),
    startPositions: Int32Array.of(start),
    lengths: Int32Array.of(tokenIds.length),
    logitCounts: Int32Array.of(1),
    tokenIds: Int32Array.from(tokenIds),
  });
  return [...result.row(0)];
}

function worstDifference(found: readonly number[], wanted: ArrayLike<number>): number {
  const expected = Array.from(wanted);
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...found.map((logit, at) => Math.abs(logit - expected[at]!))) / largest;
}

describe.each(runtimes)("the oracle's logits on %s", (runtime) => {
  const configs: readonly (readonly [string, ModelConfig])[] = [
    ["everything at once", fullConfig],
    ["heads of 10 with neighbours that rotate", { ...withHeadDim(10), hasInterleavedRope: true }],
    [
      "a part of each head rotates",
      { ...withHeadDim(48), rotaries: [{ ...tinyConfig.rotaries[0]!, dim: 6 }] },
    ],
    ["norms of each head, by weights in one tensor", { ...tinyConfig, qkNorm: "stacked" }],
    [
      "norms of each head, by weights around 0 in one tensor each",
      { ...tinyConfig, qkNorm: "listed", norm: { ...tinyConfig.norm, kind: "layer", weightOffset: 1 } },
    ],
    ["norms with biases", { ...tinyConfig, norm: { ...tinyConfig.norm, kind: "layer", hasBias: true } }],
    [
      "one expert, by its probability",
      { ...tinyConfig, experts: { ...experts, expertsPerToken: 1, areWeightsNormalized: false } },
    ],
    ["gelu, tied", { ...tinyConfig, activation: "gelu", hasTiedEmbeddings: true }],
  ];
  test.each(configs)("%s", async (_, config) => {
    await using checkpoint = await createRandomCheckpoint(config, 5);
    const { model } = checkpoint;
    await using executor = await createTfjsExecutor({
      model,
      memory: new PlainMemory(),
      maxSequences: 2,
      runtime,
    });
    const reference = checkpoint.referenceLogits(tokens);
    for (const lengths of [[12], [7, 1, 4], [1, 1, 10]]) {
      let start = 0;
      for (const length of lengths) {
        const row = await run(executor, start, tokens.slice(start, start + length));
        start += length;
        expect(worstDifference(row, reference[start - 1]!)).toBeLessThan(2e-5);
      }
    }
  });
});

describe.each(runtimes)("tensors on %s", (runtime) => {
  test("are as many after a thousand steps as after the first, and none after it is disposed", async () => {
    const { numTensors, numBytes } = tf.memory();
    const config = { ...fullConfig, hiddenSize: 16, intermediateSize: 24, vocabSize: 89 };
    await using checkpoint = await createRandomCheckpoint(config, 5);
    const { model } = checkpoint;
    const executor = await createTfjsExecutor({ model, memory: new PlainMemory(), maxSequences: 2, runtime });
    await run(executor, 0, tokens);
    const before = tf.memory();
    for (let step = 0; step < 1000; step += 1) {
      const start = step % 40;
      await run(executor, start, start % 10 === 0 ? tokens : [tokens[step % 12]!]);
    }
    const after = tf.memory();
    expect([after.numTensors, after.numBytes]).toEqual([before.numTensors, before.numBytes]);
    expect(before.numTensors).toBeGreaterThan(numTensors);
    await executor.dispose();
    expect([tf.memory().numTensors, tf.memory().numBytes]).toEqual([numTensors, numBytes]);
  });

  test("are disposed when memory ends, or a step fails", async () => {
    const { numTensors } = tf.memory();
    const model = await openGolden("llama2");
    const whole = new PlainMemory();
    const options = { model, maxSequences: 2, runtime } as const;
    const executor = await createTfjsExecutor({ ...options, memory: whole });
    const { liveBytes } = whole;
    await executor.dispose();
    for (const share of [0, 0.3, 0.6, 0.99]) {
      const memory = new PlainMemory();
      memory.limitBytes = liveBytes * share;
      await expect(createTfjsExecutor({ ...options, memory })).rejects.toThrow(/out of memory/);
      expect([memory.liveBlockCount, tf.memory().numTensors]).toEqual([0, numTensors]);
    }
    let isFailing = false;
    const softmax: TensorFlow["softmax"] = (x, axis) => {
      if (isFailing) throw new Error("no softmax");
      return tf.softmax(x, axis);
    };
    const failing = new Proxy(tf, { get: (of, key) => (key === "softmax" ? softmax : Reflect.get(of, key)) });
    await tf.setBackend(runtime);
    await using other = await createTfjsExecutor({
      model,
      maxSequences: 1,
      memory: new PlainMemory(),
      tensorflow: failing,
    });
    const before = tf.memory().numTensors;
    isFailing = true;
    await expect(run(other, 0, tokens)).rejects.toMatchObject({
      code: "EXECUTOR_FAILED",
      message: expect.stringContaining("no softmax"),
    });
    expect(tf.memory().numTensors).toBe(before);
    isFailing = false;
    expect(await run(other, 0, tokens)).toHaveLength(model.config.vocabSize);
  });
});

test("runs beside an executor of another backend, and lets other work be done between layers", async () => {
  const model = await openGolden("llama2");
  const prompt = readGolden("llama2").find(({ tokenIds }) => tokenIds.length > 16)!;
  const warn = vi.spyOn(console, "warn");
  const [cpu, wasm] = await Promise.all(
    runtimes.map((runtime) =>
      createTfjsExecutor({ model, memory: new PlainMemory(), maxSequences: 1, runtime }),
    ),
  );
  let turnCount = 0;
  const count = (): void => {
    turnCount += 1;
    counting = setImmediate(count);
  };
  let counting = setImmediate(count);
  const rows = await Promise.all([cpu!, wasm!].map((executor) => run(executor, 0, prompt.tokenIds)));
  clearImmediate(counting);
  for (const row of rows) expect(worstDifference(row, prompt.logits.at(-1)!)).toBeLessThan(1e-4);
  expect(turnCount).toBeGreaterThanOrEqual(model.config.layerCount);
  expect(cpu!.description).toMatch(/^TensorFlow\.js 4\.\d+\.\d+, cpu: JavaScript on CPU, 1 thread$/);
  // TensorFlow.js would advertise its native library.
  expect(warn).not.toHaveBeenCalled();
  await Promise.all([cpu!.dispose(), wasm!.dispose()]);
});

function withHeadDim(headDim: number): ModelConfig {
  const rotaries = [{ ...tinyConfig.rotaries[0]!, dim: headDim }];
  return { ...tinyConfig, headDim, attentionScale: headDim ** -0.5, rotaries };
}
