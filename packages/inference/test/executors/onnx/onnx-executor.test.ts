import { copyFile, link, mkdir, readFile, rename, symlink, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import type { MixtureOfExperts, ModelConfig, StoredWeight, TensorInfo } from "@infernode/models";
import { describe, expect, test } from "vitest";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";
import { createOnnxExecutor } from "../../../src/executors/onnx/index.ts";
import type { Executor } from "../../../src/executors/executor.ts";
import { executorCases } from "../../../src/testing.ts";
import { collectGarbage } from "../support/collect-garbage.ts";
import { smallestGrowthMiB } from "../support/smallest-growth.ts";
import { comparisons, openGolden, readGolden } from "../support/golden.ts";
import { PlainMemory } from "../../support/plain-memory.ts";
import { createRandomCheckpoint, tinyConfig } from "../support/random-checkpoint.ts";

const sampleTokens = [3, 5, 80, 11, 12, 3, 7, 66, 31, 2, 44, 19];

/** Logits after each part of a prompt that is run in the given cuts. */
async function runParts(
  executor: Executor,
  tokens: readonly number[],
  lengths: readonly number[],
): Promise<number[][]> {
  const rows: number[][] = [];
  let start = 0;
  for (const length of lengths) {
    const result = await executor.forward({
      chunkCount: 1,
      slots: Int32Array.of(0),
      startPositions: Int32Array.of(start),
      lengths: Int32Array.of(length),
      logitCounts: Int32Array.of(1),
      tokenIds: Int32Array.from(tokens.slice(start, start + length)),
    });
    rows.push([...result.row(0)]);
    start += length;
  }
  return rows;
}

function changeTensor(model: ExecutorModel, name: string, change: Partial<TensorInfo>): ExecutorModel {
  const tensors = new Map(model.weights.tensors);
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`no tensor ${name}`);
  tensors.set(name, { ...tensor, ...change });
  const weight = (each: string): StoredWeight | undefined => {
    const data = tensors.get(each);
    return data === undefined ? undefined : { encoding: "dense", shape: data.shape, data };
  };
  return { ...model, weights: { ...model.weights, tensors, weight } };
}

const tinyRotary = { dim: 16, theta: 10_000, scaling: { type: "none" } } as const;

/** Other heads, which rotate as a whole. */
function withHeads(heads: Partial<Pick<ModelConfig, "headCount" | "kvHeadCount" | "headDim">>): ModelConfig {
  const { headDim = tinyConfig.headDim } = heads;
  const rotaries = [{ ...tinyRotary, dim: headDim }];
  return { ...tinyConfig, ...heads, attentionScale: headDim ** -0.5, rotaries };
}

/** Experts beside the MLP. */
function withExperts(experts: Partial<MixtureOfExperts>): ModelConfig {
  const five = {
    expertCount: 5,
    expertsPerToken: 1,
    intermediateSize: tinyConfig.intermediateSize,
    areWeightsNormalized: true,
    sharedIntermediateSize: undefined,
    layers: [true, true],
    hasInterleavedGateUp: false,
    swigluLimit: undefined,
  };
  return { ...tinyConfig, experts: { ...five, ...experts } };
}

describe("against an oracle in double precision", () => {
  const configs: readonly [string, ModelConfig][] = [
    ["biases and norms of heads", tinyConfig],
    ["plain", { ...tinyConfig, qkNorm: "none", hasAttentionBias: { qkv: false, output: false } }],
    ["tied embeddings", { ...tinyConfig, hasTiedEmbeddings: true }],
    ["a window of five in one layer", { ...tinyConfig, slidingWindowTokens: [5, undefined] }],
    [
      "sinks, and a window in one layer",
      { ...tinyConfig, hasAttentionSinks: true, slidingWindowTokens: [5, undefined] },
    ],
    ["sinks, beside capped scores", { ...tinyConfig, hasAttentionSinks: true, attentionSoftCap: 1.5 }],
    ["a window of one", { ...tinyConfig, slidingWindowTokens: [1, 1] }],
    ["wide heads, one for keys and values", withHeads({ headCount: 3, kvHeadCount: 1, headDim: 48 })],
    [
      "two rotations, and a layer without",
      {
        ...tinyConfig,
        layerCount: 3,
        rotaries: [1e4, 50].map((theta) => ({ dim: 16, theta, scaling: { type: "none" } })),
        layerRotary: [1, undefined, 0],
        slidingWindowTokens: [5, undefined, undefined],
      },
    ],
    [
      "a part of each head rotates",
      { ...withHeads({ headDim: 48 }), rotaries: [{ ...tinyRotary, dim: 16 }] },
    ],
    ["heads of 8", withHeads({ headDim: 8 })],
    ["heads of 10", withHeads({ headDim: 10 })],
    ["heads of 20 with neighbours that rotate", { ...withHeads({ headDim: 20 }), hasInterleavedRope: true }],
    [
      "a part of each head rotates that is no multiple of 16",
      { ...withHeads({ headDim: 48 }), rotaries: [{ ...tinyRotary, dim: 6 }] },
    ],
    [
      "soft caps and another scale",
      {
        ...tinyConfig,
        attentionScale: 1,
        attentionSoftCap: 2,
        logitSoftCap: 5,
        scales: { ...tinyConfig.scales, embedding: 7 },
      },
    ],
    [
      "norms of whole projections, by weights around 0",
      { ...tinyConfig, qkNorm: "projection", norm: { ...tinyConfig.norm, weightOffset: 1 } },
    ],
    ["norms of each head, by weights in one tensor", { ...tinyConfig, qkNorm: "stacked" }],
    [
      "norms of each head, by weights around 0 in one tensor each",
      { ...tinyConfig, qkNorm: "listed", norm: { ...tinyConfig.norm, kind: "layer", weightOffset: 1 } },
    ],
    [
      "norms that subtract the mean",
      { ...tinyConfig, norm: { ...tinyConfig.norm, kind: "layer", hasBias: true } },
    ],
    ["three of five experts in one layer", withExperts({ expertsPerToken: 3, layers: [false, true] })],
    ["one expert for each token, with its probability", withExperts({ areWeightsNormalized: false })],
    ["gelu", { ...tinyConfig, activation: "gelu" }],
    ["approximated gelu", { ...tinyConfig, activation: "gelu_tanh" }],
  ];
  test.each(configs)("%s", async (_, config) => {
    await using checkpoint = await createRandomCheckpoint(config, 5);
    const memory = new PlainMemory();
    await using executor = await createOnnxExecutor({
      model: checkpoint.model,
      memory,
      maxSequences: 2,
      runtime: "ffi",
    });
    const reference = checkpoint.referenceLogits(sampleTokens);
    for (const lengths of [[12], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [7, 1, 4], [2, 10]]) {
      let end = 0;
      for (const [index, row] of (await runParts(executor, sampleTokens, lengths)).entries()) {
        end += lengths[index] ?? 0;
        const wanted = [...(reference[end - 1] ?? [])];
        const largest = Math.max(...wanted.map(Math.abs));
        const worst = Math.max(...row.map((logit, at) => Math.abs(logit - (wanted[at] ?? Number.NaN))));
        expect(worst / largest).toBeLessThan(1e-5);
      }
    }
  });
});

describe.each(["llama2", "qwen3", "qwen2-window"])("through the Node binding: %s", async (name) => {
  const model = await openGolden(name);
  const cases = executorCases({
    create: (sizes) => createOnnxExecutor({ model, memory: new PlainMemory(), runtime: "binding", ...sizes }),
    prompts: readGolden(name),
  });
  test.each(name === "llama2" ? cases : comparisons(cases))("$name", async (conformanceCase) => {
    await expect(conformanceCase.run()).resolves.toBeUndefined();
  });
});

test("computes a prompt of a known length for that length, in chunks, with the logits of each token", async () => {
  const model = await openGolden("phi35");
  const prompt = readGolden("phi35").find(({ logits }) => logits.length > 1);
  const { tokenIds = [], logits = [], firstPosition = 0 } = prompt ?? {};
  await using executor = await createOnnxExecutor({ model, memory: new PlainMemory(), maxSequences: 1 });
  const rows: number[][] = [];
  for (let start = 0; start < tokenIds.length; start += 7) {
    const chunk = tokenIds.slice(start, start + 7);
    const result = await executor.forward({
      chunkCount: 1,
      slots: Int32Array.of(0),
      startPositions: Int32Array.of(start),
      lengths: Int32Array.of(chunk.length),
      logitCounts: Int32Array.of(chunk.length),
      knownLengths: Int32Array.of(tokenIds.length),
      tokenIds: Int32Array.from(chunk),
    });
    for (let row = 0; row < chunk.length; row += 1) rows.push(Array.from(result.row(row)));
  }
  expect(rows).toHaveLength(33);
  for (const [index, wanted] of logits.entries()) {
    const largest = Math.max(...wanted.map(Math.abs));
    const worst = Math.max(...wanted.map((logit, at) => Math.abs(logit - rows[firstPosition + index]![at]!)));
    expect(worst / largest).toBeLessThan(1e-4);
  }
});

test("describes what it runs on", async () => {
  const model = await openGolden("llama2");
  const options = { model, memory: new PlainMemory(), maxSequences: 1, threads: 1 };
  await using ffi = await createOnnxExecutor(options);
  await using binding = await createOnnxExecutor({ ...options, runtime: "binding" });
  expect(ffi.description).toMatch(/^onnxruntime 1\.\d+\.\d+ on CPU, C API, 1 thread$/);
  expect(binding.description).toMatch(/^onnxruntime 1\.\d+\.\d+ on CPU, Node binding, 1 thread$/);
});

test("keeps all that native code refers to, however much garbage is collected", async () => {
  const model = await openGolden("llama2");
  const prompt = readGolden("llama2")[1];
  const wanted = prompt?.greedyTokenIds.slice(0, 1);
  await using executor = await createOnnxExecutor({ model, memory: new PlainMemory(), maxSequences: 2 });
  for (let round = 0; round < 10; round += 1) {
    await collectGarbage();
    const tokens = prompt?.tokenIds ?? [];
    const [logits = []] = await runParts(executor, tokens, [tokens.length]);
    expect([logits.indexOf(Math.max(...logits))]).toEqual(wanted);
  }
});

describe("frees all memory", () => {
  test("when it is created and disposed fifty times", async () => {
    const model = await openGolden("llama2");
    const memory = new PlainMemory();
    // Fifty sessions of this model that were not released take 40 MiB.
    const growthMiB = await smallestGrowthMiB(16, async () => {
      for (let round = 0; round < 50; round += 1) {
        const executor = await createOnnxExecutor({ model, memory, maxSequences: 4, runtime: "ffi" });
        await runParts(executor, [5, 6, 7, 8], [3, 1]);
        await executor.dispose();
      }
    });
    expect([memory.liveBytes, memory.liveBlockCount]).toEqual([0, 0]);
    expect(growthMiB).toBeLessThan(16);
  });

  test("after thousands of steps of every length", async () => {
    const model = await openGolden("llama2");
    await using executor = await createOnnxExecutor({ model, memory: new PlainMemory(), maxSequences: 4 });
    const tokens = Array.from({ length: 200 }, (_, index) => index);
    // Four KiB that a step left behind would be 12 MiB.
    const growthMiB = await smallestGrowthMiB(8, async () => {
      for (let round = 0; round < 800; round += 1) {
        await runParts(executor, tokens, [2 + (round % 150), 1, 1, 40]);
      }
    });
    expect(growthMiB).toBeLessThan(8);
  });

  test("when memory ends at any of its allocations", async () => {
    const model = await openGolden("llama2");
    const whole = new PlainMemory();
    const options = { model, maxSequences: 2, runtime: "ffi" } as const;
    const executor = await createOnnxExecutor({ ...options, memory: whole });
    const wantedBytes = whole.liveBytes;
    await executor.dispose();
    for (const share of [0, 0.3, 0.6, 0.99]) {
      const memory = new PlainMemory();
      memory.limitBytes = wantedBytes * share;
      await expect(createOnnxExecutor({ ...options, memory })).rejects.toThrow(/out of memory/);
      expect(memory.liveBlockCount).toBe(0);
    }
  });

  test("when the weights cannot be loaded", async () => {
    await using checkpoint = await createRandomCheckpoint(tinyConfig, 1);
    await truncate(checkpoint.filePath, 1000);
    const memory = new PlainMemory();
    for (const runtime of ["ffi", "binding"] as const) {
      await expect(
        createOnnxExecutor({ model: checkpoint.model, memory, maxSequences: 1, runtime }),
      ).rejects.toMatchObject({
        code: "EXECUTOR_FAILED",
        message: expect.stringContaining("onnxruntime failed to load the model"),
      });
    }
    expect(memory.liveBlockCount).toBe(0);
  });
});

describe("weights in files", () => {
  test("are found through the links of a Hugging Face cache", async () => {
    await using checkpoint = await createRandomCheckpoint(tinyConfig, 1);
    const { directory, filePath, model } = checkpoint;
    await mkdir(path.join(directory, "blobs"));
    await rename(filePath, path.join(directory, "blobs", "4f2a"));
    await symlink(path.join("blobs", "4f2a"), filePath);
    await using executor = await createOnnxExecutor({ model, memory: new PlainMemory(), maxSequences: 1 });
    const [row = []] = await runParts(executor, sampleTokens, [sampleTokens.length]);
    expect(row[0]).toBeCloseTo(checkpoint.referenceLogits(sampleTokens).at(-1)?.[0] ?? Number.NaN, 4);
  });

  test("may lie at any offset and under any name", async () => {
    await using checkpoint = await createRandomCheckpoint(tinyConfig, 1);
    const filePath = path.join(checkpoint.directory, "wéights with spaces.safetensors");
    await writeFile(filePath, Buffer.concat([Buffer.from("abc"), await readFile(checkpoint.filePath)]));
    const tensors = new Map(
      [...checkpoint.model.weights.tensors].map(([name, tensor]) => [
        name,
        { ...tensor, filePath, startByte: tensor.startByte + 3, endByte: tensor.endByte + 3 },
      ]),
    );
    const model = { ...checkpoint.model, weights: { ...checkpoint.model.weights, tensors } };
    await using executor = await createOnnxExecutor({ model, memory: new PlainMemory(), maxSequences: 1 });
    const [row = []] = await runParts(executor, sampleTokens, [sampleTokens.length]);
    expect(row[0]).toBeCloseTo(checkpoint.referenceLogits(sampleTokens).at(-1)?.[0] ?? Number.NaN, 4);
  });

  test("may be spread over folders", async () => {
    await using checkpoint = await createRandomCheckpoint(tinyConfig, 1);
    const other = path.join(checkpoint.directory, "other", "part.safetensors");
    await mkdir(path.dirname(other));
    await copyFile(checkpoint.filePath, other);
    await link(other, path.join(checkpoint.directory, "linked.safetensors"));
    const model = changeTensor(changeTensor(checkpoint.model, "head", { filePath: other }), "embedding", {
      filePath: path.join(checkpoint.directory, "linked.safetensors"),
    });
    await using executor = await createOnnxExecutor({ model, memory: new PlainMemory(), maxSequences: 1 });
    const [row = []] = await runParts(executor, sampleTokens, [sampleTokens.length]);
    expect(row[0]).toBeCloseTo(checkpoint.referenceLogits(sampleTokens).at(-1)?.[0] ?? Number.NaN, 4);
  });

  test.each([
    {
      code: "UNSUPPORTED_DTYPE",
      name: "head",
      change: { dtype: "I64" },
      message: /head`: expected F32, F16, BF16 or F64, got I64/,
    },
    {
      code: "SHAPE_MISMATCH",
      name: "0.up",
      change: { shape: [71, 48] },
      message: /0\.up`: expected 72 × 48, got 71 × 48/,
    },
    {
      code: "EXECUTOR_FAILED",
      name: "norm",
      change: { filePath: "/nowhere/model.safetensors" },
      message: /\/nowhere\/model.safetensors/,
    },
  ] as const)("that do not fit fail with $code", async ({ code, name, change, message }) => {
    await using checkpoint = await createRandomCheckpoint(tinyConfig, 1);
    const model = changeTensor(checkpoint.model, name, change);
    const memory = new PlainMemory();
    await expect(createOnnxExecutor({ model, memory, maxSequences: 1 })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect(memory.liveBlockCount).toBe(0);
  });
});
