// What quantization costs on a real checkpoint: KL divergence of the next token's distribution from float32 and
// perplexity over a text, beside llama.cpp's Q4_0: its formula for the same matrices, or a file that it made of them.
// `npm run bench -- quality/loss --help`
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { calibrationText, type Executor, type ForwardResult } from "@infernode/inference";
import { createOnnxExecutor } from "@infernode/inference/onnx";
import {
  type BlockQuantizedWeight,
  loadTokenizer,
  openCheckpoint,
  quantizationRecipes,
  quantizeCheckpoint,
  type QuantizedCheckpoint,
  type TensorInfo,
} from "@infernode/models";
import { measureMatrix, readDense, writeBlocks } from "../lib/block-weights.ts";
import { DistributionLoss, prepareReference } from "../lib/distribution-loss.ts";
import { parseOptions } from "../lib/parse-options.ts";
import { plainMemory } from "../lib/plain-memory.ts";
import { quantizeQ40 } from "../lib/q4-0.ts";
import { writeReport } from "../lib/report.ts";
import { formatTable } from "../lib/table.ts";
import { readTextWindows } from "../lib/text-windows.ts";

const { values } = parseOptions({
  options: {
    model: { type: "string" },
    text: { type: "string" },
    gguf: { type: "string" },
    modes: { type: "string", default: "int8,int4,q4_0" },
    window: { type: "string", default: "512" },
    tokens: { type: "string", default: "24000" },
    threads: { type: "string", default: "2" },
    output: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help || values.model === undefined || values.text === undefined) {
  process.stdout.write(
    "options: --model <directory>  --text <file.txt|file.jsonl>  --gguf <file of the same model>  --modes int8,int4,q4_0,none+kv8,int4+kv8  --window 512  --tokens 24000  --threads 2  --output <file.json>\n",
  );
  process.exit(values.help ? 0 : 2);
}
const unquantized = { fileBytes: undefined, weightCount: 0, weightError: 0 } as const;
/** Ends the name of a mode. */
const int8Cache = "+kv8";
const threads = Number(values.threads);
const windowTokens = Number(values.window);
const directory = await mkdtemp(join(tmpdir(), "infernode-loss-"));
const checkpoint = await openCheckpoint(values.model);
const tokenizer = await loadTokenizer(checkpoint.directory);
const limits = { windowTokens, maxTokens: Number(values.tokens) };
const windows = await readTextWindows(values.text, tokenizer, limits);

interface Variant {
  readonly name: string;
  readonly executor: Executor;
  /** Numbers, scales and zero points; `undefined` for float32. */
  readonly fileBytes: number | undefined;
  /** How many numbers these bytes stand for. */
  readonly weightCount: number;
  /** Root of the squared error of all quantized matrices over their square. */
  readonly weightError: number;
  readonly loss: DistributionLoss;
}

async function openVariant(
  name: string,
  model: Pick<typeof checkpoint, "architecture" | "config" | "weights">,
): Promise<Executor> {
  return createOnnxExecutor({
    model: { ...checkpoint, ...model, name },
    memory: plainMemory,
    maxSequences: 1,
    contextTokens: windowTokens,
    threads,
    kvCacheDtype: name.endsWith(int8Cache) ? "int8" : "float32",
    kvRanges: {
      tokenIds: async () => Array.from(tokenizer.encode(calibrationText)),
      read: async () => undefined,
      write: async () => {},
    },
  });
}

/** One of `--modes`: how the weights are quantized, and with `+kv8` a KV cache of int8. */
async function modeVariant(mode: string): Promise<Variant> {
  const weights = mode.replace(int8Cache, "");
  if (weights !== "none") return quantizedVariant(mode, weights);
  const executor = await openVariant(mode, checkpoint);
  return { name: mode, executor, ...unquantized, loss: new DistributionLoss() };
}

async function quantizedVariant(mode: string, name: string): Promise<Variant> {
  const recipe =
    name === "int8" || name === "int4"
      ? quantizationRecipes[name]
      : { quantization: { bits: 4, blockSize: 32 } as const };
  const folder = await mkdtemp(join(directory, `${name}-`));
  const plan = await quantizeCheckpoint(checkpoint, { ...recipe, directory: folder });
  await plan.prepare({ threadCount: threads });
  let squaredError = 0;
  let square = 0;
  let weightCount = 0;
  for (const [weight, source] of quantizedWeights(plan)) {
    const dense = await readDense(checkpoint.weights, source);
    if (name === "q4_0") await writeBlocks(weight, quantizeQ40(dense));
    const error = await measureMatrix(weight, dense);
    squaredError += error.squaredError;
    square += error.square;
    weightCount += dense.length;
  }
  const { size } = await stat(plan.file.path);
  const executor = await openVariant(mode, plan);
  const weightError = Math.sqrt(squaredError / square);
  return { name: mode, executor, fileBytes: size, weightCount, weightError, loss: new DistributionLoss() };
}

/** What is read until the end. */
const opened = [checkpoint];

/** A GGUF file of the same model, with its own numbers. */
async function ggufVariant(path: string): Promise<Variant> {
  const own = await openCheckpoint(path);
  opened.push(own);
  const folder = await mkdtemp(join(directory, "gguf-"));
  const plan = await quantizeCheckpoint(own, { quantization: undefined, directory: folder });
  await plan.prepare({ threadCount: threads });
  const name = basename(path);
  const executor = await openVariant(name, { ...own, ...plan });
  const { totalBytes: fileBytes, parameterCount: weightCount } = own.weights;
  return { name, executor, fileBytes, weightCount, weightError: 0, loss: new DistributionLoss() };
}

/** Each weight in the file of a plan, with the tensor it was made of; a tied head was made of the embedding. */
function quantizedWeights({
  file,
  weights,
}: QuantizedCheckpoint): readonly (readonly [BlockQuantizedWeight, TensorInfo])[] {
  const { tensors } = checkpoint.weights;
  return [...new Set([...tensors.keys(), "lm_head.weight"])].flatMap((name) => {
    const weight = weights.weight(name);
    const source = tensors.get(name) ?? tensors.get("model.embed_tokens.weight");
    // Blocks of the checkpoint's own files stay as they are.
    const isOwn = weight?.encoding === "block-quantized" && weight.data.filePath === file.path;
    return isOwn && source !== undefined ? [[weight, source] as const] : [];
  });
}

/** Rows of logits of a window's tokens from `start` on; valid until the executor's next call. */
async function forward(executor: Executor, tokenIds: Int32Array, start: number): Promise<ForwardResult> {
  return executor.forward({
    chunkCount: 1,
    slots: Int32Array.of(0),
    startPositions: Int32Array.of(start),
    lengths: Int32Array.of(tokenIds.length),
    logitCounts: Int32Array.of(tokenIds.length),
    tokenIds,
  });
}

const base: Variant = {
  name: "none",
  executor: await openVariant("none", checkpoint),
  ...unquantized,
  loss: new DistributionLoss(),
};
const variants = [base];
for (const mode of values.modes.split(",")) variants.push(await modeVariant(mode));
if (values.gguf !== undefined) variants.push(await ggufVariant(values.gguf));

const chunkTokens = Math.min(base.executor.maxLogitRows, windowTokens);
for (const window of windows) {
  const predictionCount = window.length - 1;
  for (let start = 0; start < predictionCount; start += chunkTokens) {
    const chunk = window.slice(start, Math.min(start + chunkTokens, predictionCount));
    const baseRows = await forward(base.executor, chunk, start);
    const references = Array.from(chunk, (_, row) => prepareReference(baseRows.row(row)));
    for (const { executor, loss } of variants) {
      const own = executor === base.executor ? baseRows : await forward(executor, chunk, start);
      for (const [row, reference] of references.entries()) {
        loss.add(reference, own.row(row), window[start + row + 1] ?? 0);
      }
    }
  }
}

const results = variants.map(({ name, fileBytes, weightCount, weightError, loss }) => ({
  name,
  fileBytes,
  bitsPerWeight: fileBytes === undefined ? undefined : (8 * fileBytes) / weightCount,
  weightError,
  ...loss.summary(),
}));
for (const { executor } of variants) await executor.dispose();
for (const { weights } of opened) await weights.close();
await rm(directory, { recursive: true, force: true });
if (values.output !== undefined) {
  const { parameterCount } = checkpoint.weights;
  writeReport(values.output, "quality/loss", {
    parameterCount,
    windowTokens,
    windowCount: windows.length,
    results,
  });
}
const header = [
  "weights",
  "MiB",
  "bits",
  "weight error %",
  "KL, nats",
  "±",
  "perplexity",
  "same top token %",
];
const rows = results.map((each) => [
  each.name,
  each.fileBytes === undefined ? "" : (each.fileBytes / 2 ** 20).toFixed(1),
  each.bitsPerWeight?.toFixed(2) ?? "",
  (each.weightError * 100).toFixed(3),
  each.divergence.toFixed(5),
  each.divergenceError.toFixed(5),
  each.perplexity.toFixed(3),
  (each.topAgreement * 100).toFixed(2),
]);
process.stdout.write(`${results[0]?.predictionCount ?? 0} predictions\n${formatTable(header, rows)}\n`);
