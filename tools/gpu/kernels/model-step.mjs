// Whole steps of a model of 8B's shape through the executor. Its weights are random, and views of one file of the size
// of the largest, in memory where the machine has a folder for that.
import assert from "node:assert/strict";
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cuda, inference, mib, models, openDevice } from "../session.mjs";
import { openCublas } from "./cublas-step.mjs";
import { missingKernels, summarize } from "./kernel-device.mjs";
import { assertClose } from "./numbers.mjs";

/** A token and seven proposals: what the kernels for few rows compute at once. */
const verifiedTokens = 8;
const sizes = {
  full: { hidden: 4096, wide: 14_336, layers: 32, heads: 32, kvHeads: 8, vocab: 128_256 },
  tiny: { hidden: 128, wide: 64, layers: 2, heads: 2, kvHeads: 1, vocab: 96 },
};

function configOf({ hidden, wide, layers, heads, kvHeads, vocab }) {
  return models.parseModelConfig({
    config: {
      architectures: ["LlamaForCausalLM"],
      model_type: "llama",
      vocab_size: vocab,
      hidden_size: hidden,
      intermediate_size: wide,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      num_key_value_heads: kvHeads,
      max_position_embeddings: 8192,
      rms_norm_eps: 1e-5,
      rope_theta: 500_000,
      hidden_act: "silu",
      tie_word_embeddings: false,
      torch_dtype: "bfloat16",
      bos_token_id: 1,
      eos_token_id: 2,
    },
  });
}

/** bf16 of either sign, from 2^-7 to 2^-5: sums of some thousand products keep their size. */
function weightBytes(sizeBytes) {
  const words = new Uint32Array(sizeBytes / 4);
  for (let at = 0; at < words.length; at += 1) {
    words[at] = ((Math.random() * 2 ** 32) & 0x80ff_80ff) | 0x3c00_3c00;
  }
  return new Uint8Array(words.buffer);
}

/** A model whose weights begin at different places of one file. */
function createModel(config, folder) {
  const architecture = models.architectureFor(config);
  const refs = [...models.collectWeightRefs(architecture, config).values()];
  const bytesOf = ({ shape }) => shape.reduce((product, size) => product * size, 2);
  const largest = Math.max(...refs.map(bytesOf));
  const filePath = join(folder, "weights");
  const slackBytes = Math.min(16 * mib, largest);
  const chunk = weightBytes(Math.ceil(Math.min(largest, 64 * mib) / 4) * 4);
  const file = openSync(filePath, "w");
  let vectorStart = 0;
  for (; vectorStart < largest + slackBytes; vectorStart += chunk.length) writeSync(file, chunk);
  // Vectors are those of norms: numbers from 1 to 1.25.
  const vector = Uint16Array.from({ length: config.hiddenSize }, () => 0x3f80 + Math.random() * 32);
  writeSync(file, new Uint8Array(vector.buffer));
  closeSync(file);
  const tensors = new Map();
  let totalBytes = 0;
  for (const ref of refs) {
    const isVector = ref.shape.length === 1;
    const startByte = isVector ? vectorStart : Math.floor((Math.random() * slackBytes) / 16) * 16;
    const endByte = startByte + bytesOf(ref);
    tensors.set(ref.name, { name: ref.name, dtype: "BF16", shape: ref.shape, filePath, startByte, endByte });
    totalBytes += bytesOf(ref);
  }
  const refuse = () => Promise.reject(new Error("the executor reads weights from their files"));
  const weights = {
    tensors,
    totalBytes,
    parameterCount: totalBytes / 2,
    weight(name) {
      const data = tensors.get(name);
      return data && { encoding: "dense", shape: data.shape, data };
    },
    read: refuse,
    readRange: refuse,
    close: () => Promise.resolve(),
  };
  return { name: "random", config, architecture, weights };
}

/** Runs chunks of tokens, each sequence with pages of its own; returns the result of the executor. */
function forward(executor, chunks) {
  const { maxSequences, pageCount } = executor.kvStorage;
  const blockTableStride = Math.floor(pageCount / maxSequences);
  const numbers = (of) => Int32Array.from(chunks, of);
  return executor.forward({
    chunkCount: chunks.length,
    slots: new Int32Array(chunks.length),
    blockTables: Int32Array.from(
      chunks.flatMap(({ sequence }) =>
        Array.from({ length: blockTableStride }, (_, page) => page * maxSequences + sequence),
      ),
    ),
    blockTableStride,
    startPositions: numbers((chunk) => chunk.start),
    lengths: numbers((chunk) => chunk.tokenIds.length),
    logitCounts: numbers(({ logitCount }) => logitCount ?? 1),
    knownLengths: numbers(() => 0),
    adapters: numbers(() => 0),
    tokenIds: Int32Array.from(chunks.flatMap(({ tokenIds }) => tokenIds)),
  });
}

/** Loading, prompts, and decode steps at several counts of streams. Tokens are random; choosing one is not measured. */
export function measureModel(options) {
  return withModel(options, async ({ model, config, pool, limitBytes }) => {
    const figures = [];
    const checks = [];
    const note = (what, value, details) => figures.push({ what, value, ...details });
    const [contextTokens, promptTokens, wantedStreams] = options.tiny
      ? [64, 20, [1, 3]]
      : [1024, 512, [1, 8, 64]];
    const fits = (maxSequences) =>
      inference.planCudaMemory(model, { maxSequences, contextTokens, maxChunkTokens: promptTokens })
        .totalBytes < limitBytes;
    const maxSequences = wantedStreams.findLast(fits);
    if (maxSequences === undefined) return { status: "skipped", reason: "the model does not fit the device" };
    const startedAt = performance.now();
    const executor = await inference.createCudaExecutor({
      model,
      pool,
      maxSequences,
      contextTokens,
      maxChunkTokens: promptTokens,
      hasFiniteWeights: true,
    });
    const loadSeconds = (performance.now() - startedAt) / 1000;
    note("weights from a file in memory to the device", model.weights.totalBytes / loadSeconds / 1e9, {
      unit: "GB/s",
    });
    try {
      const randomTokens = (length) => randomTokensOf(config, length);
      // The same tokens at once and one by one: other kernels, the same logits.
      const tokenIds = randomTokens(Math.min(promptTokens, 64));
      const whole = (await forward(executor, [{ sequence: 0, start: 0, tokenIds }])).row(0).slice();
      let row;
      for (const [start, token] of tokenIds.entries()) {
        row = (await forward(executor, [{ sequence: 0, start, tokenIds: [token] }])).row(0);
      }
      const what = "logits of tokens one by one, and of all at once";
      checks.push(assertClose(what, { got: row, expected: whole, limit: 0.05 }));
      const prefills = [];
      const promptsUntil = performance.now() + 45_000;
      for (let sequence = 0; sequence < maxSequences && performance.now() < promptsUntil; sequence += 1) {
        const began = performance.now();
        await forward(executor, [{ sequence, start: 0, tokenIds: randomTokens(promptTokens) }]);
        prefills.push((promptTokens * 1000) / (performance.now() - began));
      }
      const prefill = summarize(prefills);
      note(`prompts of ${promptTokens} tokens, one at a time`, prefill.median, {
        unit: "tokens/s",
        spread: prefill.spread,
      });
      const warmUp = 2;
      const steps = options.tiny ? 2 : 48;
      /** Steps of `tokenCount` tokens of each stream, with logits after all of them. */
      const decode = async (streams, tokenCount) => {
        const times = [];
        let start = promptTokens;
        let usage;
        for (let step = 0; step < warmUp + steps; step += 1, start += 1) {
          const chunks = Array.from({ length: streams }, (_, sequence) => ({
            sequence,
            start,
            tokenIds: randomTokens(tokenCount),
            logitCount: tokenCount,
          }));
          if (step === warmUp) usage = process.cpuUsage();
          const began = performance.now();
          const result = await forward(executor, chunks);
          if (step >= warmUp) times.push(performance.now() - began);
          assert.ok(Number.isFinite(result.row(streams * tokenCount - 1)[0]));
        }
        return { ...summarize(times), usage: process.cpuUsage(usage), start };
      };
      for (const streams of wantedStreams.filter((count) => count <= prefills.length)) {
        const { median, spread, usage, start } = await decode(streams, 1);
        const { user, system } = usage;
        note(`decode, ${streams} stream(s)`, (streams * 1000) / median, { unit: "tokens/s", spread });
        const perToken = (user + system) / steps / streams;
        note(`decode, ${streams} stream(s): time of the process`, perToken, { unit: "µs/token" });
        // Of the embedding only some rows are read.
        const readBytes = model.weights.totalBytes - 2 * config.vocabSize * config.hiddenSize;
        const bytes = readBytes + streams * start * executor.plan.kvBytesPerToken;
        note(`decode, ${streams} stream(s): weights and cache read`, bytes / median / 1e9, {
          unit: "TB/s",
          spread,
        });
        if (streams * verifiedTokens > executor.maxLogitRows) continue;
        const verified = await decode(streams, verifiedTokens);
        note(
          `speculation, ${streams} stream(s): ${verifiedTokens} tokens in one step`,
          verified.median / median,
          {
            unit: "times a step of one token",
            spread: verified.spread,
          },
        );
      }
    } finally {
      await executor.dispose();
    }
    return { figures, checks, weightsBytes: model.weights.totalBytes };
  });
}

/** Prompts of the same model by cuBLASLt; their logits are those of the executor's own kernels. */
export function measureModelByCublas(options) {
  const library = openCublas(options);
  if ("reason" in library) return { status: "skipped", reason: `cuBLASLt is not there: ${library.reason}` };
  return withModel(options, async ({ model, config, pool, limitBytes }) => {
    const promptTokens = options.tiny ? 80 : 512;
    const shape = { maxSequences: 1, contextTokens: promptTokens, maxChunkTokens: promptTokens };
    const isTooLarge = inference.planCudaMemory(model, shape).totalBytes >= limitBytes;
    if (isTooLarge) return { status: "skipped", reason: "the model does not fit the device" };
    const tokenIds = randomTokensOf(config, promptTokens);
    const rows = [];
    const prefills = [];
    for (const productLibrary of ["none", "cublasLt"]) {
      const products = productLibrary === "none" ? {} : { productLibrary, productLibraryPath: library.path };
      const loading = { model, pool, ...shape, hasFiniteWeights: true, ...products };
      const executor = await inference.createCudaExecutor(loading);
      try {
        // Algorithms are chosen with the first prompt.
        rows.push((await forward(executor, [{ sequence: 0, start: 0, tokenIds }])).row(0).slice());
        const count = productLibrary === "none" ? 0 : options.tiny ? 1 : 16;
        for (let prompt = 0; prompt < count; prompt += 1) {
          const began = performance.now();
          await forward(executor, [{ sequence: 0, start: 0, tokenIds }]);
          prefills.push((promptTokens * 1000) / (performance.now() - began));
        }
      } finally {
        await executor.dispose();
      }
    }
    const [expected, got] = rows;
    const what = "logits of a prompt by cuBLASLt, and by the executor's own kernels";
    const { median: value, spread } = summarize(prefills);
    const prompts = `prompts of ${promptTokens} tokens, one at a time`;
    return {
      figures: [{ what: prompts, value, unit: "tokens/s", spread, by: "cuBLASLt" }],
      checks: [assertClose(what, { got, expected, limit: 0.05 })],
      version: library.version,
    };
  });
}

function randomTokensOf({ vocabSize }, length) {
  return Array.from({ length }, () => Math.floor(Math.random() * vocabSize));
}

/** Calls `use` with a random model and a pool of the device, and closes everything. */
async function withModel(options, use) {
  const skipped = missingKernels(options);
  if (skipped !== undefined) return skipped;
  const config = configOf(options.tiny ? sizes.tiny : sizes.full);
  const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "infernode-weights-"));
  const device = openDevice(options);
  const limitBytes = Math.floor(device.freeBytes() * 0.9);
  const pool = cuda.createCudaMemoryPool({ device, limitBytes, events: { emit() {} } });
  try {
    return await use({ model: createModel(config, folder), config, pool, limitBytes });
  } finally {
    rmSync(folder, { recursive: true, force: true });
    pool.dispose();
    device.dispose();
  }
}
