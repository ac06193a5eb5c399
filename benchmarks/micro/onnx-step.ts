// Time of the onnx executor alone: prefill, and decode by batch size; on a tiny model, the overhead of a step. `npm run bench -- micro/onnx-step --help`
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOnnxExecutor } from "@infernode/inference/onnx";
import { openCheckpoint } from "@infernode/models";
import { parseOptions } from "../lib/parse-options.ts";
import { plainMemory } from "../lib/plain-memory.ts";
import { readConditions, writeReport } from "../lib/report.ts";
import { median } from "../lib/statistics.ts";
import { formatTable } from "../lib/table.ts";
import { timeForward } from "../lib/time-forward.ts";
import { checkpointSizes, writeRandomCheckpoint } from "../lib/random-checkpoint.ts";

const { values } = parseOptions(
  {
    options: {
      size: { type: "string", default: "100m" },
      dtype: { type: "string", default: "F32" },
      runtime: { type: "string", default: "ffi" },
      batches: { type: "string", default: "1,8" },
      prompt: { type: "string", default: "512" },
      steps: { type: "string", default: "32" },
      rounds: { type: "string", default: "5" },
      threads: { type: "string" },
      output: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  },
  {
    counts: ["threads"],
    choices: { size: Object.keys(checkpointSizes), dtype: ["F32", "BF16"], runtime: ["ffi", "binding"] },
  },
);
if (values.help) {
  process.stdout.write(
    "options: --size 100m|1b|tiny  --dtype F32|BF16  --runtime ffi|binding  --batches 1,8  --prompt 512  --steps 32  --rounds 5  --threads N  --output <file.json>  --json\n",
  );
  process.exit(0);
}

const sizes = checkpointSizes[values.size];
if (sizes === undefined) throw new Error(`--size must be one of ${Object.keys(checkpointSizes).join(", ")}`);
const batches = values.batches.split(",").map(Number);
const promptTokens = Number(values.prompt);
const directory = await mkdtemp(join(tmpdir(), "infernode-bench-"));
try {
  await writeRandomCheckpoint(directory, sizes, values.dtype === "BF16" ? "BF16" : "F32");
  const checkpoint = await openCheckpoint(directory);
  const before = process.memoryUsage().rss;
  const loadStartedAt = performance.now();
  const executor = await createOnnxExecutor({
    model: { name: "random", ...checkpoint },
    memory: plainMemory,
    maxSequences: Math.max(...batches),
    runtime: values.runtime === "binding" ? "binding" : "ffi",
    ...(values.threads !== undefined && { threads: Number(values.threads) }),
  });
  const loadMs = performance.now() - loadStartedAt;
  const loadedMiB = (process.memoryUsage().rss - before) / 2 ** 20;
  const rows: { what: string; tokensPerSecond: number; msPerStep: number }[] = [];
  const prefills: number[] = [];
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    const ms = await timeForward(executor, { sequenceCount: 1, start: 0, lengthTokens: promptTokens });
    if (round > 0) prefills.push(ms);
  }
  const prefillMs = median(prefills);
  rows.push({
    what: `prefill ${promptTokens}`,
    tokensPerSecond: (promptTokens / prefillMs) * 1000,
    msPerStep: prefillMs,
  });
  for (const batchSize of batches) {
    const contextTokens = 128;
    await timeForward(executor, { sequenceCount: batchSize, start: 0, lengthTokens: contextTokens });
    const rounds: number[] = [];
    for (let round = 0; round <= Number(values.rounds); round += 1) {
      const steps: number[] = [];
      for (let step = 0; step < Number(values.steps); step += 1) {
        steps.push(
          await timeForward(executor, {
            sequenceCount: batchSize,
            start: contextTokens + step,
            lengthTokens: 1,
          }),
        );
      }
      if (round > 0) rounds.push(median(steps));
    }
    const ms = median(rounds);
    rows.push({
      what: `decode, batch ${batchSize}, context ${contextTokens}`,
      tokensPerSecond: (batchSize / ms) * 1000,
      msPerStep: ms,
    });
  }
  const peakMiB = process.resourceUsage().maxRSS / 1024;
  const summary = {
    size: values.size,
    dtype: values.dtype,
    parameterCount: checkpoint.weights.parameterCount,
    executor: executor.description,
    loadMs,
    loadedMiB,
    peakMiB,
    plan: executor.plan,
  };
  await executor.dispose();
  await checkpoint.weights.close();
  if (values.output !== undefined) {
    writeReport(values.output, "micro/onnx-step", { ...summary, results: rows });
  }
  if (values.json) {
    process.stdout.write(
      `${JSON.stringify({ benchmark: "micro/onnx-step", conditions: readConditions(), ...summary, results: rows }, null, 2)}\n`,
    );
  } else {
    process.stdout.write(
      `${summary.executor}; ${(summary.parameterCount / 1e6).toFixed(1)} M parameters, ${summary.dtype}; loaded in ${loadMs.toFixed(0)} ms, +${loadedMiB.toFixed(0)} MiB (plan: ${(summary.plan.weightsBytes / 2 ** 20).toFixed(0)} MiB of weights), peak ${peakMiB.toFixed(0)} MiB\n`,
    );
    process.stdout.write(
      `${formatTable(
        ["", "tokens/s", "ms/step"],
        rows.map(({ what, tokensPerSecond, msPerStep }) => [
          what,
          tokensPerSecond.toFixed(1),
          msPerStep.toFixed(3),
        ]),
      )}\n`,
    );
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
