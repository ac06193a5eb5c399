import { mkdtemp, open as openFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import {
  openCheckpoint,
  quantizeCheckpoint,
  writePreparedWeights,
  type StoredWeight,
} from "@infernode/models";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Executor } from "../../../src/executors/executor.ts";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";
import { hasExactMixedSums } from "../../../src/executors/onnx/graph/mixed-sums.ts";
import { createOnnxExecutor, onnxProvider, planOnnxMemory } from "../../../src/executors/onnx/index.ts";
import { convertToGguf } from "../../../../models/test/support/convert-to-gguf.ts";
import { encodeGguf } from "../../../../models/test/support/gguf-file.ts";
import { encodeRandomGguf, type LayerPackings } from "../../../../models/test/support/random-gguf.ts";
import { PlainMemory } from "../../support/plain-memory.ts";
import { openGolden, openQuantized, quantizedNames, readQuantizedGolden } from "../support/golden.ts";
import { dequantize, difference } from "../support/dequantize.ts";
import { createRandomCheckpoint, tinyConfig, type RandomCheckpoint } from "../support/random-checkpoint.ts";

const workerUrl: URL = new URL(
  "../../../../models/dist/weights/quantize/quantize-worker.js",
  import.meta.url,
);
const rangeWorkerUrl: URL = new URL(
  "../../../../models/dist/weights/prepared/range-worker.js",
  import.meta.url,
);
const fixtures = fileURLToPath(new URL("../../../../../test/fixtures", import.meta.url));
const tokens = [1, 17, 5, 80, 11, 12, 3, 7, 66, 31, 2, 44, 19, 101, 33, 58];

let directory = "";
let random: RandomCheckpoint;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "infernode-quantized-"));
  random = await createRandomCheckpoint({ ...tinyConfig, vocabSize: 120 }, 7);
});
afterAll(async () => {
  await random[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

/** Logits of the last of the tokens, run in parts of the given lengths. */
interface PromptParts {
  readonly prompt: readonly number[];
  readonly slot: number;
  readonly lengths: readonly number[];
}

const logitsOf = (executor: Executor, slot: number, lengths: readonly number[]): Promise<Float32Array> =>
  logitsOfPrompt(executor, { prompt: tokens, slot, lengths });

async function logitsOfPrompt(
  executor: Executor,
  { prompt, slot, lengths }: PromptParts,
): Promise<Float32Array> {
  let start = 0;
  let last = new Float32Array();
  for (const length of lengths) {
    const result = await executor.forward({
      chunkCount: 1,
      slots: Int32Array.of(slot),
      startPositions: Int32Array.of(start),
      lengths: Int32Array.of(length),
      logitCounts: Int32Array.of(1),
      tokenIds: Int32Array.from(prompt.slice(start, start + length)),
    });
    last = Float32Array.from(result.row(0));
    start += length;
  }
  return last;
}

const argmax = (row: Float32Array): number => row.indexOf(Math.max(...row));

/** How much more likely the next token is than all others, as a part of the largest logit. */
function marginOf(row: Float32Array): number {
  const [first = 0, second = 0] = row.toSorted((left, right) => right - left);
  return (first - second) / row.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
}

/** Of some prompts, the one whose next token is the clearest: no processor's rounding makes it another. */
async function clearestPrompt(executor: Executor): Promise<readonly number[]> {
  let [clearest, margin] = [tokens, 0];
  for (let start = 0; start < 8; start += 1) {
    const prompt = [...tokens.slice(start), ...tokens.slice(0, start)];
    const found = marginOf(await logitsOfPrompt(executor, { prompt, slot: 0, lengths: [prompt.length] }));
    if (found > margin) [clearest, margin] = [prompt, found];
  }
  expect(margin).toBeGreaterThan(2 * 0.04);
  return clearest;
}

const everyType: readonly LayerPackings[] = [
  { q: "Q4_1", k: "Q4_0", v: "Q5_1", output: "Q8_0", gate: "Q4_K", up: "Q5_K", down: "Q2_K" },
  { q: "Q3_K", k: "IQ4_NL", v: "Q6_K", output: "Q5_0", gate: "IQ4_XS", up: "MXFP4", down: "Q6_K" },
];
const ggufFiles = {
  // An embedding with minima, which is the head too; and one without, beside a head.
  tied: () => encodeRandomGguf({ embedding: "Q4_K", layers: everyType }, 3),
  untied: () => encodeRandomGguf({ embedding: "Q6_K", head: "Q5_1", layers: everyType }, 4),
};

async function openRandomGguf(name: keyof typeof ggufFiles): Promise<ExecutorModel> {
  const file = path.join(directory, `${name}.gguf`);
  await writeFile(file, ggufFiles[name]());
  const { config, architecture, weights } = await openCheckpoint(file);
  await weights.close();
  return { name, config, architecture, weights };
}

const int4 = (blockSize: number) => ({ bits: 4, blockSize }) as const;
const int8 = <Size extends number | "row">(blockSize: Size) => ({ bits: 8, blockSize }) as const;

// Formats of weights, and ways in which checkpoints store them; all families are in quantized-families.test.ts.
describe.each([
  ["qwen2, int4 in blocks of 32", int4(32), () => openGolden("qwen2")],
  ["qwen2, int8 in blocks of 32", int8(32), () => openGolden("qwen2")],
  ["llama3, int4 in blocks of 64", int4(64), () => openGolden("llama3")],
  ["qwen3, int8 in blocks of 128", int8(128), () => openGolden("qwen3")],
  // Rows that are no multiple of a block, biases, and norms of heads.
  ["random, int4 in blocks of 32", int4(32), async () => random.model],
  ["random, int8 in blocks of 64", int8(64), async () => random.model],
  ["qwen2, int8 in rows", int8("row"), () => openGolden("qwen2")],
  // Parts of larger matrices.
  ["phi3, int4 in blocks of 32", int4(32), () => openGolden("phi3")],
  ["phi3, int8 in rows", int8("row"), () => openGolden("phi3")],
  ["random, int8 in rows, or blocks of 32 where they are odd", int8("row"), async () => random.model],
  // Rows of 48 are no multiple of 32.
  ["cohere, int8 in rows, or blocks of 32 where they are odd", int8("row"), () => openGolden("cohere")],
  // Matrices stored by column, and three products in one.
  ["gpt2, int8 in blocks of 32", int8(32), () => openGolden("gpt2")],
  ["falcon-groups, int8 in rows", int8("row"), () => openGolden("falcon-groups")],
  ["qwen2-moe, int4 in blocks of 32", int4(32), () => openGolden("qwen2-moe")],
  // Stored by column, all experts of a layer in one tensor.
  ["gpt-oss, int8 in rows, or blocks of 32 where they are odd", int8("row"), () => openGolden("gpt-oss")],
  ["gpt-oss, int4 in blocks of 32", int4(32), () => openGolden("gpt-oss")],
  ["MXFP4", undefined, () => openQuantized("mxfp4")],
  ["GGUF, tied", undefined, () => openRandomGguf("tied")],
  ["GGUF, untied", undefined, () => openRandomGguf("untied")],
  ["GPTQ, act-order", undefined, () => openQuantized("gptq-act-order")],
  ["GPTQ, 8 bits", undefined, () => openQuantized("gptq-v2-8bit")],
  ["AWQ, and an int4 head", int4(32), () => openQuantized("awq")],
  ["compressed-tensors", undefined, () => openQuantized("compressed-tensors")],
] as const)("%s", (title, quantization, open) => {
  let stored: ExecutorModel;
  let model: ExecutorModel;
  beforeAll(async () => {
    stored = await open();
    const quantized = await quantizeCheckpoint({ ...stored, directory: title }, { quantization, directory });
    await quantized.prepare({ threadCount: 1, workerUrl });
    model = { ...stored, ...quantized };
  });
  const create = (each: ExecutorModel): Promise<Executor> =>
    createOnnxExecutor({ model: each, memory: new PlainMemory(), maxSequences: 3 });

  test("computes what its blocks stand for, but for activations of 8 bits", async () => {
    await using quantized = await create(model);
    await using dense = await create(await dequantize(model, path.join(directory, `${title}.f32`)));
    const differences: number[] = [];
    for (let start = 0; start < 5; start += 1) {
      const prompt = [...tokens.slice(start), ...tokens.slice(0, start)];
      const parts = { prompt, slot: 0, lengths: [prompt.length] };
      const wanted = await logitsOfPrompt(dense, parts);
      differences.push(difference(await logitsOfPrompt(quantized, parts), wanted));
    }
    // Where two experts are about equally likely, rounding chooses the other one.
    expect(differences.toSorted((one, other) => one - other)[2]).toBeLessThan(0.06);
  });

  test("says the same next token for a prompt whole, in chunks, token by token, and beside others", async () => {
    await using executor = await create(model);
    const prompt = await clearestPrompt(executor);
    const whole = await logitsOfPrompt(executor, { prompt, slot: 0, lengths: [prompt.length] });
    for (const lengths of [[7, 9], [1, 15], prompt.map(() => 1)]) {
      const cut = await logitsOfPrompt(executor, { prompt, slot: 0, lengths });
      expect(argmax(cut)).toBe(argmax(whole));
      expect(difference(cut, whole)).toBeLessThan(0.04);
    }
    // The same decode step alone, and in a batch with another sequence.
    await logitsOfPrompt(executor, { prompt, slot: 1, lengths: [prompt.length] });
    const last = prompt.length - 1;
    const decode = async (slots: readonly number[]): Promise<Float32Array> => {
      const result = await executor.forward({
        chunkCount: slots.length,
        slots: Int32Array.from(slots),
        startPositions: Int32Array.from(slots, (slot) => (slot === 0 ? last : 3)),
        lengths: Int32Array.from(slots, () => 1),
        logitCounts: Int32Array.from(slots, () => 1),
        tokenIds: Int32Array.from(slots, (slot) => (slot === 0 ? prompt[last]! : prompt[3]!)),
      });
      return Float32Array.from(result.row(0));
    };
    const alone = await decode([0]);
    const beside = await decode([0, 1]);
    expect(argmax(beside)).toBe(argmax(alone));
    expect(difference(beside, alone)).toBeLessThan(0.02);
  });

  test("computes the same with copies of its weights as without, and whatever their keys are", async () => {
    const target = onnxProvider.prepacking.target(model);
    const into = await mkdtemp(path.join(directory, "prepared-"));
    const plan = await quantizeCheckpoint({ ...stored, directory: title }, { quantization, directory: into });
    await plan.prepare({ threadCount: 1, workerUrl });
    const weights = await writePreparedWeights(plan, {
      threadCount: 1,
      rangeWorkerUrl,
      target,
      makeCopies: ({ weights: written, ...request }) =>
        onnxProvider.prepacking.prepack({ ...stored, ...plan, weights: written }, { ...request, threads: 1 }),
    });
    if (weights === undefined) throw new Error("expected the prepared weights");
    const copied: ExecutorModel = { ...model, weights };
    const [gate] = [
      "model.layers.0.mlp.gate_proj",
      "model.layers.0.mlp.experts.0.gate_proj",
      "model.layers.0.mlp.experts.0.gate_up_proj",
      "model.layers.0.mlp.c_fc",
      "model.layers.0.mlp.up_proj",
    ].flatMap((name) => weights.weight(`${name}.weight`) ?? []);
    const [part] = gate?.encoding === "block-quantized" ? (gate.data.prepacked?.[0]?.parts ?? []) : [];
    await using plain = await create(model);
    await using fast = await create(copied);
    const wanted = await logitsOf(plain, 0, [tokens.length]);
    expect(await logitsOf(fast, 0, [tokens.length])).toEqual(wanted);
    expect(await logitsOf(fast, 0, [7, 1, 8])).toEqual(await logitsOf(plain, 0, [7, 1, 8]));

    const rename = (weight: StoredWeight | undefined): StoredWeight | undefined =>
      weight?.encoding !== "block-quantized"
        ? weight
        : {
            ...weight,
            data: {
              ...weight.data,
              prepacked: weight.data.prepacked?.map(({ parts }) => ({ key: "MatMulNBits+1", parts })),
            },
          };
    await using other = await create({
      ...copied,
      weights: { ...weights, weight: (name) => rename(weights.weight(name)) },
    });
    expect(await logitsOf(other, 0, [tokens.length])).toEqual(wanted);

    // The runtime packs no rows that are not a multiple of a block, and no integers without a sign.
    const hasUnsignedRows = quantization?.blockSize === "row" && !hasExactMixedSums();
    expect(part === undefined).toBe(title.startsWith("random") || hasUnsignedRows);
    if (part === undefined) return;
    // They are used: other bytes are another result.
    const handle = await openFile(gate?.data.filePath ?? "", "r+");
    // Some of them stand for columns beyond the rows, which nothing is multiplied with.
    const quarter = Math.floor((part.endByte - part.startByte) / 4);
    await handle.write(new Uint8Array(2 * quarter).fill(0x5a), 0, 2 * quarter, part.startByte + quarter);
    await handle.close();
    await using damaged = await create(copied);
    expect(await logitsOf(damaged, 0, [tokens.length])).not.toEqual(wanted);
  });

  test("is planned with less memory than its numbers", async () => {
    const sizes = { maxSequences: 1, contextTokens: 64 };
    const plan = planOnnxMemory(model, sizes);
    expect(plan.weightsBytes).toBeLessThan(
      planOnnxMemory(await dequantize(model, path.join(directory, `${title}.f32`)), sizes).weightsBytes,
    );
  });
});

test("blocks of 4 bits that no kernel writes are refused", async () => {
  const checkpoint = { ...(await openGolden("llama2")), directory: "llama2" };
  await expect(quantizeCheckpoint(checkpoint, { quantization: int4(16), directory })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    field: "quantization.blockSize",
  });
});

/** The checkpoint in MXFP4 as llama.cpp converts it. */
async function openMxfp4Gguf(): Promise<ExecutorModel> {
  const content = await convertToGguf(
    path.join(fixtures, "quantized", "mxfp4"),
    path.join(fixtures, "checkpoints", "gpt-oss"),
  );
  const file = path.join(directory, "mxfp4.gguf");
  await writeFile(file, encodeGguf(content));
  const { config, architecture, weights } = await openCheckpoint(file);
  await weights.close();
  return { name: "mxfp4", config, architecture, weights };
}

test.each([
  ...quantizedNames.map((name) => [name, name, () => openQuantized(name)] as const),
  ["mxfp4 as GGUF", "mxfp4", openMxfp4Gguf] as const,
])("%s: the numbers of its blocks have the logits of transformers", async (title, name, open) => {
  const stored = await open();
  const checkpoint = { ...stored, directory: title };
  const quantized = await quantizeCheckpoint(checkpoint, { quantization: undefined, directory });
  await quantized.prepare({ threadCount: 2, workerUrl });
  const dense = await dequantize({ ...stored, ...quantized }, path.join(directory, `${title}-golden.f32`));
  await using executor = await createOnnxExecutor({
    model: dense,
    memory: new PlainMemory(),
    maxSequences: 1,
  });
  for (const { tokens: prompt, logits } of readQuantizedGolden(name)) {
    const result = await executor.forward({
      chunkCount: 1,
      slots: Int32Array.of(0),
      startPositions: Int32Array.of(0),
      lengths: Int32Array.of(prompt.length),
      logitCounts: Int32Array.of(1),
      tokenIds: Int32Array.from(prompt),
    });
    expect(difference(Float32Array.from(result.row(0)), logits)).toBeLessThan(1e-5);
  }
});
