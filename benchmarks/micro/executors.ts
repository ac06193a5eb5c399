// Time of executors on the same model, in turns: prefill, and decode alone and in a batch. `npm run bench -- micro/executors --help`
import type { Executor } from "@infernode/inference";
import { createOnnxExecutor } from "@infernode/inference/onnx";
import { createTfjsExecutor } from "@infernode/inference/tfjs";
import { embeddedModelDirectory, openCheckpoint } from "@infernode/models";
import { parseOptions } from "../lib/parse-options.ts";
import { plainMemory } from "../lib/plain-memory.ts";
import { writeReport } from "../lib/report.ts";
import { median } from "../lib/statistics.ts";
import { formatTable } from "../lib/table.ts";
import { timeForward } from "../lib/time-forward.ts";

const { values } = parseOptions(
  {
    options: {
      model: { type: "string", default: embeddedModelDirectory() },
      executors: { type: "string", default: "onnx,wasm,cpu" },
      prompt: { type: "string", default: "64" },
      batch: { type: "string", default: "8" },
      steps: { type: "string", default: "8" },
      rounds: { type: "string", default: "3" },
      output: { type: "string" },
      help: { type: "boolean", default: false },
    },
  },
  { choices: { executors: ["onnx", "wasm", "cpu"] } },
);
if (values.help) {
  process.stdout.write(
    "options: --model <directory>  --executors onnx,wasm,cpu  --prompt 64  --batch 8  --steps 8  --rounds 3  --output <file.json>\n",
  );
  process.exit(0);
}

const promptTokens = Number(values.prompt);
const batchSize = Number(values.batch);
const stepCount = Number(values.steps);
const checkpoint = await openCheckpoint(values.model);
const sizes = {
  model: { name: "measured", ...checkpoint },
  memory: plainMemory,
  maxSequences: batchSize,
  contextTokens: promptTokens + stepCount,
};

function open(name: string): Promise<Executor> {
  if (name === "onnx") return createOnnxExecutor({ ...sizes, threads: 1 });
  if (name === "wasm" || name === "cpu") return createTfjsExecutor({ ...sizes, runtime: name });
  throw new Error(`--executors: expected names among onnx, wasm, cpu, got ${name}`);
}

/** Milliseconds of a prompt, and of a step of one sequence and of all. */
async function measure(executor: Executor): Promise<readonly number[]> {
  const prefill = await timeForward(executor, { sequenceCount: 1, start: 0, lengthTokens: promptTokens });
  await timeForward(executor, { sequenceCount: batchSize, start: 0, lengthTokens: promptTokens });
  const stepOf = async (sequenceCount: number): Promise<number> => {
    const steps: number[] = [];
    for (let step = 0; step < stepCount; step += 1) {
      const start = promptTokens + step;
      steps.push(await timeForward(executor, { sequenceCount, start, lengthTokens: 1 }));
    }
    return median(steps);
  };
  return [prefill, await stepOf(1), await stepOf(batchSize)];
}

const executors = await Promise.all(values.executors.split(",").map((name) => open(name)));
const rounds = executors.map((): (readonly number[])[] => []);
for (let round = 0; round <= Number(values.rounds); round += 1) {
  for (const [index, executor] of executors.entries()) {
    const measured = await measure(executor);
    // The first one compiles.
    if (round > 0) rounds[index]?.push(measured);
  }
}
const counts = [promptTokens, 1, batchSize];
const results = executors.map(({ description }, index) => {
  const medians = counts.map((_, at) => median((rounds[index] ?? []).map((each) => each[at] ?? Number.NaN)));
  const [prefillMs = 0, stepMs = 0, batchMs = 0] = medians;
  return { description, prefillMs, stepMs, batchMs };
});
for (const executor of executors) await executor.dispose();
await checkpoint.weights.close();
const { parameterCount } = checkpoint.weights;
if (values.output !== undefined) {
  writeReport(values.output, "micro/executors", { parameterCount, promptTokens, batchSize, results });
}
const rate = (tokens: number, ms: number): string => ((tokens / ms) * 1000).toFixed(0);
process.stdout.write(
  `${(parameterCount / 1e6).toFixed(1)} M parameters, one thread each; tokens per second\n${formatTable(
    ["", `prefill ${promptTokens}`, "decode", `decode, batch ${batchSize}`],
    results.map(({ description, prefillMs, stepMs, batchMs }) => [
      description,
      rate(promptTokens, prefillMs),
      rate(1, stepMs),
      rate(batchSize, batchMs),
    ]),
  )}\n`,
);
