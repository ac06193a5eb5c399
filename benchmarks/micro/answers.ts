// Time of `n` answers to one prompt: as one request, whose answers share the prompt, against as many requests with
// the same prompt, alternating. `npm run bench -- micro/answers --help`
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEngine, type InferenceEngine, type TokenDecoderPort } from "@infernode/inference";
import { createOnnxExecutor } from "@infernode/inference/onnx";
import { openCheckpoint } from "@infernode/models";
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
      answers: { type: "string", default: "8" },
      prompt: { type: "string", default: "512" },
      tokens: { type: "string", default: "32" },
      rounds: { type: "string", default: "5" },
      output: { type: "string" },
      help: { type: "boolean", default: false },
    },
  },
  { choices: { size: Object.keys(checkpointSizes) } },
);
if (values.help) {
  process.stdout.write(
    "options: --size 100m|1b|tiny  --answers 8  --prompt 512  --tokens 32  --rounds 5  --output <file.json>\n",
  );
  process.exit(0);
}

const sizes = checkpointSizes[values.size];
if (sizes === undefined) throw new Error(`--size must be one of ${Object.keys(checkpointSizes).join(", ")}`);
const answerCount = Number(values.answers);
const promptTokenIds = Array.from(
  { length: Number(values.prompt) },
  (_, at) => (at * 7919) % sizes.vocabSize,
);
const stopping = { maxTokens: Number(values.tokens), ignoreEos: true };

const tokenizer: TokenDecoderPort = {
  vocabSize: sizes.vocabSize,
  bytesOf: () => Uint8Array.of(0x61),
  tokenOf: () => "a",
  decode: (tokenIds) => "a".repeat(tokenIds.length),
};

interface Round {
  /** Until every answer has its first token. */
  readonly firstTokensMs: number;
  readonly totalMs: number;
  readonly promptTokenCount: number;
}

/** Runs `requestCount` requests of `n` answers each. */
async function runRound(engine: InferenceEngine, requestCount: number, n: number): Promise<Round> {
  const promptTokensBefore = engine.stats().promptTokenCount;
  const startedAt = performance.now();
  let firstTokensMs = 0;
  const run = async (requestIndex: number): Promise<void> => {
    const seen = new Set<number>();
    const sampling = { seed: requestIndex };
    for await (const { index } of engine.generate({ promptTokenIds, sampling, stopping, n })) {
      if (!seen.has(index)) firstTokensMs = performance.now() - startedAt;
      seen.add(index);
    }
  };
  await Promise.all(Array.from({ length: requestCount }, (_, index) => run(index)));
  const promptTokenCount = engine.stats().promptTokenCount - promptTokensBefore;
  return { firstTokensMs, totalMs: performance.now() - startedAt, promptTokenCount };
}

const directory = await mkdtemp(join(tmpdir(), "infernode-bench-"));
try {
  await writeRandomCheckpoint(directory, sizes, "F32");
  const checkpoint = await openCheckpoint(directory);
  const model = { name: "random", ...checkpoint };
  const executor = await createOnnxExecutor({ model, memory: plainMemory, maxSequences: answerCount });
  const engine = createEngine({ executor, tokenizer, eosTokenIds: [], model: "random", memory: plainMemory });
  const cases = [
    { what: `${answerCount} requests`, requestCount: answerCount, n: 1, rounds: [] as Round[] },
    { what: `1 request, n = ${answerCount}`, requestCount: 1, n: answerCount, rounds: [] as Round[] },
  ];
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    for (const { requestCount, n, rounds } of cases) {
      const measured = await runRound(engine, requestCount, n);
      if (round > 0) rounds.push(measured);
    }
  }
  await engine.dispose();
  await executor.dispose();
  await checkpoint.weights.close();
  const results = cases.map(({ what, rounds }) => ({
    what,
    promptTokenCount: rounds[0]?.promptTokenCount ?? 0,
    firstTokensMs: median(rounds.map((round) => round.firstTokensMs)),
    totalMs: median(rounds.map((round) => round.totalMs)),
  }));
  if (values.output !== undefined) {
    const { size, rounds } = values;
    const setting = { size, rounds: Number(rounds), promptTokens: promptTokenIds.length, ...stopping };
    writeReport(values.output, "micro/answers", { executor: executor.description, ...setting, results });
  }
  process.stdout.write(
    `${executor.description}; a prompt of ${promptTokenIds.length} tokens, ${answerCount} answers of ${stopping.maxTokens}\n${formatTable(
      ["", "prompt tokens computed", "all first tokens ms", "whole ms"],
      results.map(({ what, promptTokenCount, firstTokensMs, totalMs }) => [
        what,
        String(promptTokenCount),
        firstTokensMs.toFixed(0),
        totalMs.toFixed(0),
      ]),
    )}\n`,
  );
} finally {
  await rm(directory, { recursive: true, force: true });
}
