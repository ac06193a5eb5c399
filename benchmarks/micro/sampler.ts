// Time to sample one token from a row of logits, by parameters. `npm run bench -- micro/sampler --help`
import {
  createSampler,
  defaultSamplingParams,
  type SamplingParams,
  SamplingState,
} from "@infernode/inference";
import { parseOptions } from "../lib/parse-options.ts";
import { plainMemory } from "../lib/plain-memory.ts";
import { createRandom } from "../lib/random.ts";
import { writeReport } from "../lib/report.ts";
import { quantile } from "../lib/statistics.ts";
import { formatTable } from "../lib/table.ts";

const { values } = parseOptions({
  options: {
    vocab: { type: "string", default: "151936" },
    draws: { type: "string", default: "300" },
    output: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write("options: --vocab 151936  --draws 300  --output <file.json>  --json\n");
  process.exit(0);
}

const vocabSize = Number(values.vocab);
const drawCount = Number(values.draws);
const defaults = { ...defaultSamplingParams, seed: 1 };
const promptTokenIds = Int32Array.from({ length: 1024 }, (_, at) => (at * 7919) % vocabSize);

interface Case {
  readonly name: string;
  readonly params?: Partial<SamplingParams>;
  readonly logprobs?: number;
}

const cases: readonly Case[] = [
  { name: "greedy", params: { temperature: 0 } },
  { name: "temperature", params: {} },
  { name: "top_k 40", params: { topK: 40 } },
  { name: "top_p 0.95", params: { topP: 0.95 } },
  { name: "min_p 0.05", params: { minP: 0.05 } },
  { name: "top_k 40, top_p 0.95, temperature 0.7", params: { temperature: 0.7, topK: 40, topP: 0.95 } },
  {
    name: "all penalties, 1024 tokens of prompt",
    params: { topK: 40, repetitionPenalty: 1.1, presencePenalty: 0.5 },
  },
  { name: "greedy, 20 logprobs", params: { temperature: 0 }, logprobs: 20 },
];

const random = createRandom(1);
/** Never 0, so that it has a logarithm. */
const uniform = (): number => 1 - random();

/** Logits of two shapes: `peaked` like a language model's, with a few likely tokens; `flat` without. */
function rowOf(shape: "peaked" | "flat"): Float32Array {
  const row = Float32Array.from(
    { length: vocabSize },
    () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()) * 2,
  );
  if (shape === "flat") return row;
  for (let peak = 0; peak < 30; peak += 1) row[Math.floor(uniform() * vocabSize)] = 12 + uniform() * 8;
  return row;
}

const sampler = createSampler({
  vocabSize,
  memory: plainMemory,
  model: "benchmark",
});
const results = [];
for (const shape of ["peaked", "flat"] as const) {
  const original = rowOf(shape);
  const row = new Float32Array(vocabSize);
  for (const { name, params, logprobs } of cases) {
    const sampling = new SamplingState({
      params: { ...defaults, ...params, seed: 1 },
      promptTokenIds,
      index: 0,
      stopTokenIds: [],
      minTokens: 0,
    });
    const times: number[] = [];
    for (let draw = -20; draw < drawCount; draw += 1) {
      row.set(original);
      const startedAt = performance.now();
      if (logprobs === undefined) sampler.sample(row, sampling);
      else sampler.sampleWithLogprobs(row, sampling, logprobs);
      if (draw >= 0) times.push((performance.now() - startedAt) * 1000);
    }
    results.push({ shape, name, medianUs: quantile(times, 0.5), p99Us: quantile(times, 0.99) });
  }
}
sampler.dispose();

if (values.output !== undefined) {
  writeReport(values.output, "micro/sampler", { vocabSize, drawCount, results });
}
process.stdout.write(
  values.json
    ? `${JSON.stringify(results)}\n`
    : `${formatTable(
        ["logits, parameters", "median µs", "p99 µs"],
        results.map((result) => [
          `${result.shape}, ${result.name}`,
          result.medianUs.toFixed(0),
          result.p99Us.toFixed(0),
        ]),
      )}\n`,
);
