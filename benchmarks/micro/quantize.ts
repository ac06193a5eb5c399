// What quantized weights change beside float32: time to quantize, to load, of a prefill and of a decode step, and
// memory, in turns on one Llama with random weights. `npm run bench -- micro/quantize --help`
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Executor } from "@infernode/inference";
import { createOnnxExecutor } from "@infernode/inference/onnx";
import {
  countDenseProducts,
  openCheckpoint,
  quantizationRecipes,
  type QuantizationRecipe,
  quantizeCheckpoint,
} from "@infernode/models";
import { parseOptions } from "../lib/parse-options.ts";
import { plainMemory } from "../lib/plain-memory.ts";
import { checkpointSizes, writeRandomCheckpoint } from "../lib/random-checkpoint.ts";
import { writeReport } from "../lib/report.ts";
import { median } from "../lib/statistics.ts";
import { formatTable } from "../lib/table.ts";

const { values } = parseOptions(
  {
    options: {
      size: { type: "string", default: "100m" },
      context: { type: "string", default: "128" },
      prompt: { type: "string", default: "256" },
      rounds: { type: "string", default: "7" },
      output: { type: "string" },
      help: { type: "boolean", default: false },
    },
  },
  { choices: { size: Object.keys(checkpointSizes) } },
);
if (values.help) {
  process.stdout.write(
    `options: --size ${Object.keys(checkpointSizes).join("|")}  --context 128  --prompt 256  --rounds 7  --output <file.json>\n`,
  );
  process.exit(0);
}
const sizes = checkpointSizes[values.size];
if (sizes === undefined) {
  throw new Error(`--size must be one of ${Object.keys(checkpointSizes).join(", ")}`);
}
const { contextTokens: maxTokens } = sizes;
const contextTokens = Number(values.context);
const promptTokens = Number(values.prompt);
const decodeSteps = 8;

const directory = await mkdtemp(join(tmpdir(), "infernode-quantize-"));
await writeRandomCheckpoint(directory, sizes, "BF16");
const checkpoint = await openCheckpoint(directory);

interface Variant {
  readonly name: string;
  readonly executor: Executor;
  readonly quantizeMs: number;
  readonly loadMs: number;
  readonly decodeMs: number[];
  readonly prefillMs: number[];
}

async function timed<T>(work: () => Promise<T>): Promise<readonly [result: T, ms: number]> {
  const startedAt = performance.now();
  const result = await work();
  return [result, performance.now() - startedAt];
}

async function open(name: string, recipe?: QuantizationRecipe): Promise<Variant> {
  let quantizeMs = 0;
  let model = { name, ...checkpoint };
  if (recipe !== undefined) {
    const plan = await quantizeCheckpoint(checkpoint, { ...recipe, directory });
    [, quantizeMs] = await timed(() => plan.prepare({ threadCount: 2 }));
    model = { ...model, config: plan.config, weights: plan.weights };
  }
  const options = { model, memory: plainMemory, maxSequences: 1, contextTokens: maxTokens, threads: 2 };
  const [executor, loadMs] = await timed(() => createOnnxExecutor(options));
  return { name, executor, quantizeMs, loadMs, decodeMs: [], prefillMs: [] };
}

const run = async (executor: Executor, startPosition: number, length: number): Promise<number> => {
  const batch = {
    chunkCount: 1,
    slots: Int32Array.of(0),
    startPositions: Int32Array.of(startPosition),
    lengths: Int32Array.of(length),
    logitCounts: Int32Array.of(1),
    tokenIds: Int32Array.from({ length }, (_, at) => 7 + ((at * 31) % 1000)),
  };
  const [, ms] = await timed(() => executor.forward(batch));
  return ms;
};

const variants = [
  await open("float32"),
  await open("int8", quantizationRecipes.int8),
  await open("int4", quantizationRecipes.int4),
];
for (let round = 0; round <= Number(values.rounds); round += 1) {
  for (const { executor, decodeMs, prefillMs } of variants) {
    const prefill = await run(executor, 0, promptTokens);
    let decode = 0;
    for (let step = 0; step < decodeSteps; step += 1) decode += await run(executor, contextTokens + step, 1);
    // The first round warms up.
    if (round === 0) continue;
    prefillMs.push(prefill);
    decodeMs.push(decode / decodeSteps);
  }
}
const [base] = variants;
const results = variants.map((variant) => ({
  name: variant.name,
  quantizeMs: variant.quantizeMs,
  loadMs: variant.loadMs,
  weightsMiB: variant.executor.plan.weightsBytes / 2 ** 20,
  decodeMs: median(variant.decodeMs),
  decodeSpeedup: median(variant.decodeMs.map((ms, at) => (base?.decodeMs[at] ?? ms) / ms)),
  prefillMs: median(variant.prefillMs),
  prefillSpeedup: median(variant.prefillMs.map((ms, at) => (base?.prefillMs[at] ?? ms) / ms)),
}));
for (const { executor } of variants) await executor.dispose();
await checkpoint.weights.close();
await rm(directory, { recursive: true, force: true });
if (values.output !== undefined) {
  const productCount = countDenseProducts(checkpoint);
  writeReport(values.output, "quantize", {
    size: values.size,
    productCount,
    contextTokens,
    promptTokens,
    results,
  });
}
const header = ["weights", "quantize s", "load s", "planned MiB", "decode ms", "×", "prefill ms", "×"];
const rows = results.map((each) => [
  each.name,
  (each.quantizeMs / 1000).toFixed(1),
  (each.loadMs / 1000).toFixed(1),
  each.weightsMiB.toFixed(0),
  each.decodeMs.toFixed(1),
  each.decodeSpeedup.toFixed(2),
  each.prefillMs.toFixed(0),
  each.prefillSpeedup.toFixed(2),
]);
process.stdout.write(`${formatTable(header, rows)}\n`);
