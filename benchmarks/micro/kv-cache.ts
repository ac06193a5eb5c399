// What a KV cache of int8 changes beside float32: time of prompts, of decode steps and of several streams, and memory,
// in turns on one Llama with random weights. `npm run bench -- micro/kv-cache --help`
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Executor, KvCacheDtype } from "@infernode/inference";
import { createOnnxExecutor } from "@infernode/inference/onnx";
import { openCheckpoint, quantizationRecipes, quantizeCheckpoint } from "@infernode/models";
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
      quantize: { type: "string", default: "int4" },
      rounds: { type: "string", default: "5" },
      threads: { type: "string", default: "2" },
      output: { type: "string" },
      help: { type: "boolean", default: false },
    },
  },
  { choices: { size: Object.keys(checkpointSizes), quantize: ["none", "int8", "int4"] } },
);
if (values.help) {
  process.stdout.write(
    "options: --size 100m|1b|tiny  --quantize none|int8|int4  --rounds 5  --threads 2  --output <file.json>\n",
  );
  process.exit(0);
}
const sizes = checkpointSizes[values.size];
if (sizes === undefined) throw new Error(`--size must be one of ${Object.keys(checkpointSizes).join(", ")}`);
const contextTokens = 2100;
const decodeSteps = 8;

interface Measure {
  readonly name: string;
  /** Tokens of each sequence in one forward, and where they start. */
  readonly tokenCount: number;
  readonly startPosition: number;
  readonly sequenceCount: number;
}

const prompt = (tokenCount: number, startPosition: number): Measure => ({
  name: `prompt of ${tokenCount} after ${startPosition}`,
  tokenCount,
  startPosition,
  sequenceCount: 1,
});
const decode = (sequenceCount: number, startPosition: number): Measure => ({
  name: `${sequenceCount} ${sequenceCount === 1 ? "stream" : "streams"}, context ${startPosition}`,
  tokenCount: 1,
  startPosition,
  sequenceCount,
});
// In order: what a measure starts after was computed by those before it.
const measures = [
  prompt(512, 0),
  prompt(512, 512),
  prompt(512, 1024),
  prompt(512, 1536),
  ...[1, 8, 16].flatMap((streams) => [512, 2048].map((context) => decode(streams, context))),
];

async function timeForward(executor: Executor, measure: Measure, step: number): Promise<number> {
  const { sequenceCount, startPosition, tokenCount } = measure;
  const batch = {
    chunkCount: sequenceCount,
    slots: Int32Array.from({ length: sequenceCount }, (_, slot) => slot),
    // Streams have different lengths, as requests have.
    startPositions: Int32Array.from({ length: sequenceCount }, (_, slot) => startPosition + step - slot),
    lengths: new Int32Array(sequenceCount).fill(tokenCount),
    logitCounts: new Int32Array(sequenceCount).fill(1),
    tokenIds: Int32Array.from(
      { length: sequenceCount * tokenCount },
      (_, at) => (at * 7919 + 13) % executor.vocabSize,
    ),
  };
  const startedAt = performance.now();
  await executor.forward(batch);
  return performance.now() - startedAt;
}

const directory = await mkdtemp(join(tmpdir(), "infernode-kv-cache-"));
await writeRandomCheckpoint(directory, { ...sizes, contextTokens }, "BF16");
const checkpoint = await openCheckpoint(directory);
const { quantize } = values;
if (quantize !== "none" && quantize !== "int8" && quantize !== "int4") {
  throw new Error(`--quantize must be one of none, int8, int4, got ${quantize}`);
}
const recipe = quantize === "none" ? { quantization: undefined } : quantizationRecipes[quantize];
const plan = await quantizeCheckpoint(checkpoint, { ...recipe, directory });
await plan.prepare({ threadCount: Number(values.threads) });

async function open(kvCacheDtype: KvCacheDtype): Promise<Executor> {
  return createOnnxExecutor({
    model: { name: kvCacheDtype, ...checkpoint, config: plan.config, weights: plan.weights },
    memory: plainMemory,
    maxSequences: 16,
    contextTokens,
    threads: Number(values.threads),
    kvCacheDtype,
  });
}

const executors = [await open("float32"), await open("int8")];
const times = measures.map(() => executors.map((): number[] => []));
for (let round = 0; round <= Number(values.rounds); round += 1) {
  for (const [at, measure] of measures.entries()) {
    for (const [which, executor] of executors.entries()) {
      const steps: number[] = [];
      const stepCount = measure.tokenCount === 1 ? decodeSteps : 1;
      for (let step = 0; step < stepCount; step += 1) steps.push(await timeForward(executor, measure, step));
      // The first round warms up.
      if (round > 0) times[at]?.[which]?.push(median(steps));
    }
  }
}
const results = measures.map(({ name }, at) => {
  const [float32 = [], int8 = []] = times[at] ?? [];
  return {
    name,
    float32Ms: median(float32),
    int8Ms: median(int8),
    speedup: median(float32.map((ms, round) => ms / (int8[round] ?? Number.NaN))),
  };
});
const memoryMiB = executors.map((executor) => executor.plan.kvCacheBytes / 2 ** 20);
for (const executor of executors) await executor.dispose();
await checkpoint.weights.close();
await rm(directory, { recursive: true, force: true });
if (values.output !== undefined) {
  writeReport(values.output, "kv-cache", { size: values.size, quantize, memoryMiB, results });
}
const rows = results.map((each) => [
  each.name,
  each.float32Ms.toFixed(1),
  each.int8Ms.toFixed(1),
  each.speedup.toFixed(2),
]);
const [float32MiB = 0, int8MiB = 0] = memoryMiB;
rows.push([
  "cache, MiB",
  float32MiB.toFixed(0),
  int8MiB.toFixed(0),
  `${(int8MiB / float32MiB).toFixed(2)} of it`,
]);
process.stdout.write(`${formatTable(["", "float32 ms", "int8 ms", "×"], rows)}\n`);
