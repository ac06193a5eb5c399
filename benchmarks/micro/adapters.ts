// What LoRA adapters cost: steps with none, one and several, in turns, beside an executor without room for them. `npm run bench -- micro/adapters --help`
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Executor } from "@infernode/inference";
import { createOnnxExecutor } from "@infernode/inference/onnx";
import { openCheckpoint, quantizationRecipes, quantizeCheckpoint } from "@infernode/models";
import { parseOptions } from "../lib/parse-options.ts";
import { plainMemory } from "../lib/plain-memory.ts";
import { randomAdapter } from "../lib/random-adapter.ts";
import { checkpointSizes, writeRandomCheckpoint } from "../lib/random-checkpoint.ts";
import { writeReport } from "../lib/report.ts";
import { median } from "../lib/statistics.ts";
import { formatTable } from "../lib/table.ts";
import { timeForward, type TimedStep } from "../lib/time-forward.ts";

const { values } = parseOptions(
  {
    options: {
      size: { type: "string", default: "100m" },
      model: { type: "string" },
      mode: { type: "string", default: "int8" },
      rank: { type: "string", default: "16" },
      adapters: { type: "string", default: "4" },
      batches: { type: "string", default: "1,8" },
      prompt: { type: "string", default: "256" },
      rounds: { type: "string", default: "20" },
      threads: { type: "string", default: "2" },
      output: { type: "string" },
      help: { type: "boolean", default: false },
    },
  },
  { choices: { size: Object.keys(checkpointSizes), mode: ["none", "int8", "int4"] } },
);
if (values.help) {
  process.stdout.write(
    "options: --size 100m|1b|tiny  --model <directory>  --mode none|int8|int4  --rank 16  --adapters 4  --batches 1,8  --prompt 256  --rounds 20  --threads 2  --output <file.json>\n",
  );
  process.exit(0);
}

/** One way to compute a step. */
interface Variant {
  readonly name: string;
  readonly executor: Executor;
  /** The adapter of each sequence, by its number in the batch. */
  readonly adapterOf: (sequence: number) => number;
}

const timeStep = ({ executor, adapterOf }: Variant, step: TimedStep): Promise<number> =>
  timeForward(executor, { ...step, adapterOf });

const count = (text: string): number => Number(text);
const [rank, adapterCount, rounds, threads] = [
  values.rank,
  values.adapters,
  values.rounds,
  values.threads,
].map(count) as [number, number, number, number];
const batches = values.batches.split(",").map(count);
const promptTokens = count(values.prompt);
const folder = await mkdtemp(join(tmpdir(), "infernode-bench-"));

async function openModel(): Promise<Parameters<typeof createOnnxExecutor>[0]["model"]> {
  const sizes = checkpointSizes[values.size];
  if (values.model === undefined && sizes !== undefined) await writeRandomCheckpoint(folder, sizes, "BF16");
  const checkpoint = await openCheckpoint(values.model ?? folder);
  const { mode } = values;
  const recipe = mode === "int8" || mode === "int4" ? quantizationRecipes[mode] : { quantization: undefined };
  const plan = await quantizeCheckpoint(checkpoint, { ...recipe, directory: folder });
  await plan.prepare({ threadCount: threads });
  return { name: "model", ...checkpoint, ...plan };
}

/** Times each variant once a round, in turns, and compares it with the first of the same round. */
async function measure(
  variants: readonly Variant[],
  time: (variant: Variant, round: number) => Promise<number>,
): Promise<readonly { readonly name: string; readonly ms: number; readonly ratio: number }[]> {
  const times = variants.map((): number[] => []);
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, variant] of variants.entries()) {
      const ms = await time(variant, round);
      if (round > 0) times[index]?.push(ms);
    }
  }
  return variants.map(({ name }, index) => {
    const own = times[index] ?? [];
    return { name, ms: median(own), ratio: median(own.map((ms, at) => ms / (times[0]?.[at] ?? ms))) };
  });
}

try {
  const model = await openModel();
  const sizes = {
    model,
    memory: plainMemory,
    maxSequences: Math.max(...batches),
    contextTokens: Math.min(1024, model.config.contextTokens),
    threads,
  };
  const plain = await createOnnxExecutor(sizes);
  const executor = await createOnnxExecutor({ ...sizes, maxAdapters: adapterCount, maxAdapterRank: rank });
  for (let place = 1; place <= adapterCount; place += 1) {
    await executor.adapterStorage?.load(place, randomAdapter(model, rank, place));
  }
  const variants: readonly Variant[] = [
    { name: "no room", executor: plain, adapterOf: () => 0 },
    { name: "base", executor, adapterOf: () => 0 },
    { name: "1 adapter", executor, adapterOf: () => 1 },
    { name: `${adapterCount} adapters`, executor, adapterOf: (sequence) => 1 + (sequence % adapterCount) },
  ];
  const results: { what: string; name: string; ms: number; ratio: number }[] = [];
  const add = (what: string, measured: Awaited<ReturnType<typeof measure>>): void => {
    for (const each of measured) results.push({ what, ...each });
  };
  const prefill = { sequenceCount: 1, start: 0, lengthTokens: promptTokens };
  add(
    `prefill ${promptTokens}`,
    await measure(variants.slice(0, 3), (variant) => timeStep(variant, prefill)),
  );
  for (const sequenceCount of batches) {
    const start = 128;
    for (const variant of variants) {
      await timeStep(variant, { sequenceCount, start: 0, lengthTokens: start });
    }
    const chosen = variants.slice(0, sequenceCount > 1 ? 4 : 3);
    const decode = async (variant: Variant, round: number): Promise<number> => {
      const steps: number[] = [];
      for (let step = 0; step < 8; step += 1) {
        const at = start + round * 8 + step;
        steps.push(await timeStep(variant, { sequenceCount, start: at, lengthTokens: 1 }));
      }
      return median(steps);
    };
    add(`decode, batch ${sequenceCount}`, await measure(chosen, decode));
  }
  await executor.dispose();
  await plain.dispose();
  if (values.output !== undefined) {
    const { size, mode } = values;
    writeReport(values.output, "micro/adapters", { size, mode, rank, threads, results });
  }
  process.stdout.write(
    `${formatTable(
      ["", "adapters", "ms", "ratio"],
      results.map(({ what, name, ms, ratio }) => [what, name, ms.toFixed(2), ratio.toFixed(3)]),
    )}\n`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
