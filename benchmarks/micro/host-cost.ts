// What engine and CUDA executor take of the host's processor for each step, over the stand-in driver without kernels.
// `npm run bench -- micro/host-cost --help`
import { setMaxListeners } from "node:events";
import {
  type ConstraintPort,
  createEngine,
  type Executor,
  type GenerationRequest,
} from "@infernode/inference";
import { createCudaExecutor } from "@infernode/inference/cuda";
import { loadModel } from "@infernode/models";
import { createCudaDevice, createCudaMemoryPool, loadCudaDriver } from "@infernode/memory/cuda";
import { compileStandIn } from "../lib/compile-stand-in.ts";
import { idleWordCount, writeIdleModel } from "../lib/idle-cuda-model.ts";
import { parseOptions } from "../lib/parse-options.ts";
import { plainMemory } from "../lib/plain-memory.ts";
import { createRandom } from "../lib/random.ts";
import { writeReport } from "../lib/report.ts";
import { median } from "../lib/statistics.ts";
import { formatTable } from "../lib/table.ts";
import { timeDriverCalls } from "../lib/time-driver-calls.ts";

const { values } = parseOptions(
  {
    options: {
      streams: { type: "string", default: "1,8,64,256" },
      rows: { type: "string", default: "plain,penalty,repetition,mask,logprobs" },
      samplers: { type: "string", default: "device,host" },
      prompt: { type: "string", default: "1024" },
      tokens: { type: "string", default: "20000" },
      rounds: { type: "string", default: "5" },
      "step-us": { type: "string", default: "0" },
      output: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  },
  { choices: { rows: ["plain", "penalty", "repetition", "mask", "logprobs"], samplers: ["device", "host"] } },
);
if (values.help) {
  process.stdout.write(
    "options: --streams 1,8,64,256  --rows plain,penalty,repetition,mask,logprobs  --samplers device,host  --prompt 1024  --tokens 20000 (of a measurement, all streams together)  --rounds 5  --step-us 0 (of the device)  --output <file.json>  --json\n",
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

/** Lets every second word of tokens come next, whatever came before: what a mask costs without working it out. */
const constraint: ConstraintPort = {
  start: () => ({
    isComplete: false,
    isFinished: false,
    allows: () => true,
    fillMask: (words) => {
      for (let at = 0; at < words.length; at += 2) words[at] = 0xffff_ffff;
    },
    accept: () => {},
  }),
};
/** What is asked for: nothing that changes logits, a change of each generated token, of each of prompt and answer, a mask; log-probabilities. */
const requests = {
  plain: { sampling: { temperature: 0.7, topP: 0.95 } },
  penalty: { sampling: { temperature: 0.7, topK: 50, presencePenalty: 0.5 } },
  repetition: { sampling: { temperature: 0.7, topP: 0.95, repetitionPenalty: 1.1 } },
  mask: { sampling: { temperature: 0.7, topP: 0.95 }, constraint },
  logprobs: { sampling: { temperature: 0.7, topP: 0.95 }, logprobs: 5 },
} as const satisfies Readonly<Record<string, Partial<GenerationRequest>>>;
type RowKind = keyof typeof requests;
type Sampler = "device" | "host";

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

/** The same executor, for an engine that leaves to it plain rows only. */
const plainOnly: Executor = {
  ...executor,
  editCapacity: undefined,
  maxTopCount: undefined,
  forward: (batch) => executor.forward(batch),
  dispose: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** One measurement: so many streams of one kind, and who samples their rows. */
interface HostCase {
  readonly streams: number;
  readonly rows: RowKind;
  readonly sampler: Sampler;
  readonly runsAhead: boolean;
}

/** Counts what the process takes while all streams decode, in steps of one token of each. */
async function measure({ streams, rows, sampler, runsAhead }: HostCase): Promise<Measured> {
  let decodeSteps = 0;
  let began:
    | { readonly usage: NodeJS.CpuUsage; readonly atMs: number; readonly aheadCount: number }
    | undefined;
  let measured: Measured | undefined;
  const isOver = new AbortController();
  setMaxListeners(0, isOver.signal);
  // Rows of the host take a thousand times as long.
  const wanted = tokenCount / streams / (sampler === "host" ? 10 : 1);
  const stepCount = Math.round(Math.min(mostSteps, Math.max(fewestSteps, wanted)));
  const warmUpSteps = Math.ceil(stepCount / 2);
  const engine = createEngine({
    executor: sampler === "host" ? plainOnly : executor,
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
      ...requests[rows],
      sampling: { ...requests[rows].sampling, seed },
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
const runsAheadOf = (rows: RowKind, sampler: Sampler): readonly boolean[] => {
  if (rows === "plain") return [true, false];
  return [rows === "logprobs" && sampler === "device"];
};
const cases = streamCounts.flatMap((streams) =>
  (Object.keys(requests) as RowKind[])
    .filter((rows) => values.rows.split(",").includes(rows))
    .flatMap((rows) =>
      (["device", "host"] as const)
        .filter((sampler) => values.samplers.split(",").includes(sampler))
        // Plain rows are the device's; of the others those of the host take a while.
        .filter((sampler) => sampler === "device" || (rows !== "plain" && streams <= mostHostStreams))
        .flatMap((sampler) =>
          // Behind a row that is changed, or is the host's, no step runs ahead.
          runsAheadOf(rows, sampler).map((runsAhead): HostCase => ({
            streams,
            rows,
            sampler,
            runsAhead,
          })),
        ),
    ),
);
const samples = cases.map((): Measured[] => []);
for (let round = 0; round < Number(values.rounds); round += 1) {
  for (const [at, each] of cases.entries()) samples[at]!.push(await measure(each));
}
/** About what a step copies: arrays of its tokens and rows, and pages of each stream. */
const inputBytesOf = (streams: number): number => 70_000 + 2048 * streams;
const driverCalls: { readonly streams: number; readonly cpuPerStepUs: number }[] = [];
for (const streams of streamCounts) {
  const sizes = { inputBytes: inputBytesOf(streams), streams, stepCount: 3000 };
  driverCalls.push({ streams, cpuPerStepUs: await timeDriverCalls(device, pool, sizes) });
}
const results = cases.map(({ streams, rows, sampler, runsAhead }, at) => {
  const cpuPerStepUs = median(samples[at]!.map((sample) => sample.cpuPerStepUs));
  return {
    streams,
    rows,
    sampler,
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
        ["streams, rows, sampler, steps", "processor µs per step", "per token", "wall µs per step"],
        results.map((result) => [
          `${result.streams}, ${result.rows}, ${result.sampler}, ${result.runsAhead ? "ahead" : "in turn"}`,
          result.cpuPerStepUs.toFixed(0),
          result.cpuPerTokenUs.toFixed(1),
          result.wallPerStepUs.toFixed(0),
        ]),
      )}\n\n${formatTable(
        ["the driver's calls of a step alone", "processor µs per step"],
        driverCalls.map(({ streams, cpuPerStepUs }) => [`${streams} streams`, cpuPerStepUs.toFixed(0)]),
      )}\n`,
);
