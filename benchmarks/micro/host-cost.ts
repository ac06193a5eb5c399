// What engine and CUDA executor take of the host's processor for each step, over the stand-in driver without kernels.
// `npm run bench -- micro/host-cost --help`
import { setMaxListeners } from "node:events";
import { parseArgs } from "node:util";
import { createEngine } from "@infernode/inference";
import { createCudaExecutor } from "@infernode/inference/cuda";
import { loadModel } from "@infernode/models";
import { createCudaDevice, createCudaMemoryPool, loadCudaDriver } from "@infernode/memory/cuda";
import { compileStandIn } from "../lib/compile-stand-in.ts";
import { idleWordCount, writeIdleModel } from "../lib/idle-cuda-model.ts";
import { plainMemory } from "../lib/plain-memory.ts";
import { createRandom } from "../lib/random.ts";
import { writeReport } from "../lib/report.ts";
import { median } from "../lib/statistics.ts";
import { formatTable } from "../lib/table.ts";
import { timeDriverCalls } from "../lib/time-driver-calls.ts";

const { values } = parseArgs({
  options: {
    streams: { type: "string", default: "1,8,64,256" },
    rows: { type: "string", default: "device,host" },
    prompt: { type: "string", default: "1024" },
    tokens: { type: "string", default: "20000" },
    rounds: { type: "string", default: "5" },
    "step-us": { type: "string", default: "0" },
    output: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(
    "options: --streams 1,8,64,256  --rows device,host  --prompt 1024  --tokens 20000 (of a measurement, all streams together)  --rounds 5  --step-us 0 (of the device)  --output <file.json>  --json\n",
  );
  process.exit(0);
}
const compiled = compileStandIn();
if ("reason" in compiled) {
  process.stdout.write(`nothing was measured: ${compiled.reason}\n`);
  process.exit(0);
}
// Before the library is loaded, which reads them then.
process.env["STAND_IN_IDLE"] = String(idleWordCount);
process.env["STAND_IN_STEP_US"] = values["step-us"];
process.env["STAND_IN_BYTES"] = String(128 * 2 ** 30);

const streamCounts = values.streams.split(",").map(Number);
const promptTokens = Number(values.prompt);
const tokenCount = Number(values.tokens);
const [fewestSteps, mostSteps] = [20, 4000];
/** About what pages of Llama 3.1 8B fill of 141 GB beside its weights, in bf16. */
const kvCacheTokens = 860_000;
const maxTokensPerStep = 2048;

/** Rows of the first kind are sampled by the device, of the second by the host. */
const samplings = {
  device: { temperature: 0.7, topP: 0.95 },
  host: { temperature: 0.7, topK: 50, presencePenalty: 0.5 },
} as const;
type RowKind = keyof typeof samplings;

interface Measured {
  readonly cpuPerStepUs: number;
  readonly wallPerStepUs: number;
  readonly aheadShare: number;
}

using files = await writeIdleModel();
const model = await loadModel(files.directory);
const device = createCudaDevice({ driver: loadCudaDriver({ libraryPaths: [compiled.path] }) });
const pool = createCudaMemoryPool({ device, limitBytes: 100 * 2 ** 30 });
const executor = await createCudaExecutor({
  model,
  pool,
  maxSequences: Math.max(...streamCounts),
  kvCacheTokens,
  maxChunkTokens: maxTokensPerStep,
  hasFiniteWeights: true,
});

/** Counts what the process takes while all streams decode, in steps of one token of each. */
async function measure(streams: number, rows: RowKind, runsAhead: boolean): Promise<Measured> {
  let decodeSteps = 0;
  let began:
    | { readonly usage: NodeJS.CpuUsage; readonly atMs: number; readonly aheadCount: number }
    | undefined;
  let measured: Measured | undefined;
  const isOver = new AbortController();
  setMaxListeners(0, isOver.signal);
  // Rows of the host take a thousand times as long.
  const wanted = tokenCount / streams / (rows === "host" ? 10 : 1);
  const stepCount = Math.round(Math.min(mostSteps, Math.max(fewestSteps, wanted)));
  const warmUpSteps = Math.ceil(stepCount / 2);
  const engine = createEngine({
    executor,
    tokenizer: model.tokenizer,
    eosTokenIds: [],
    model: model.name,
    memory: plainMemory,
    runsAhead,
    limits: { maxTokensPerStep, maxQueuedTokens: streams * promptTokens },
    events: {
      emit: (...[name, fact]) => {
        if (name !== "inference:step-finished" || !("decodeTokenCount" in fact)) return;
        if (fact.prefillTokenCount > 0 || fact.decodeTokenCount < streams) return;
        decodeSteps += 1;
        if (decodeSteps === warmUpSteps) {
          const { aheadStepCount } = engine.stats();
          began = { usage: process.cpuUsage(), atMs: performance.now(), aheadCount: aheadStepCount };
        }
        if (decodeSteps !== warmUpSteps + stepCount || began === undefined) return;
        const { user, system } = process.cpuUsage(began.usage);
        measured = {
          cpuPerStepUs: (user + system) / stepCount,
          wallPerStepUs: ((performance.now() - began.atMs) * 1000) / stepCount,
          aheadShare: (engine.stats().aheadStepCount - began.aheadCount) / stepCount,
        };
        isOver.abort();
      },
    },
  });
  const random = createRandom(1);
  const read = async (seed: number): Promise<void> => {
    const stream = engine.generate({
      promptTokenIds: Array.from({ length: promptTokens }, () => Math.floor(random() * idleWordCount)),
      sampling: { ...samplings[rows], seed },
      stopping: { ignoreEos: true },
      keepResult: false,
      signal: isOver.signal,
    });
    try {
      for await (const _ of stream);
    } catch (error) {
      if (!isOver.signal.aborted) throw error;
    }
  };
  await Promise.all(Array.from({ length: streams }, (_, seed) => read(seed)));
  await engine.dispose();
  if (measured === undefined) throw new Error("the streams ended before all of them decoded for long enough");
  return measured;
}

/** A row takes the host a millisecond, while prompts are computed too. */
const mostHostStreams = 64;
const cases = streamCounts.flatMap((streams) =>
  (["device", "host"] as const)
    .filter((rows) => values.rows.split(",").includes(rows))
    .filter((rows) => rows === "device" || streams <= mostHostStreams)
    .flatMap((rows) =>
      // Behind a row that the host samples no step runs ahead.
      (rows === "device" ? [true, false] : [false]).map((runsAhead) => ({ streams, rows, runsAhead })),
    ),
);
const samples = cases.map((): Measured[] => []);
for (let round = 0; round < Number(values.rounds); round += 1) {
  for (const [at, { streams, rows, runsAhead }] of cases.entries()) {
    samples[at]!.push(await measure(streams, rows, runsAhead));
  }
}
/** About what a step copies: arrays of its tokens and rows, and pages of each stream. */
const inputBytesOf = (streams: number): number => 70_000 + 2048 * streams;
const driverCalls: { readonly streams: number; readonly cpuPerStepUs: number }[] = [];
for (const streams of streamCounts) {
  const sizes = { inputBytes: inputBytesOf(streams), streams, stepCount: 3000 };
  driverCalls.push({ streams, cpuPerStepUs: await timeDriverCalls(device, pool, sizes) });
}
const results = cases.map(({ streams, rows, runsAhead }, at) => {
  const cpuPerStepUs = median(samples[at]!.map((sample) => sample.cpuPerStepUs));
  return {
    streams,
    rows,
    runsAhead,
    cpuPerStepUs,
    cpuPerTokenUs: cpuPerStepUs / streams,
    wallPerStepUs: median(samples[at]!.map((sample) => sample.wallPerStepUs)),
    aheadShare: median(samples[at]!.map((sample) => sample.aheadShare)),
  };
});
await executor.dispose();
pool.dispose();
device.dispose();
await model.dispose();

if (values.output !== undefined) {
  writeReport(values.output, "micro/host-cost", {
    promptTokens,
    tokenCount,
    stepUs: Number(values["step-us"]),
    results,
    driverCalls,
  });
}
process.stdout.write(
  values.json
    ? `${JSON.stringify(results)}\n`
    : `${formatTable(
        ["streams, rows, steps", "processor µs per step", "per token", "wall µs per step"],
        results.map((result) => [
          `${result.streams}, ${result.rows}, ${result.runsAhead ? "ahead" : "in turn"}`,
          result.cpuPerStepUs.toFixed(0),
          result.cpuPerTokenUs.toFixed(1),
          result.wallPerStepUs.toFixed(0),
        ]),
      )}\n\n${formatTable(
        ["the driver's calls of a step alone", "processor µs per step"],
        driverCalls.map(({ streams, cpuPerStepUs }) => [`${streams} streams`, cpuPerStepUs.toFixed(0)]),
      )}\n`,
);
