// The engine's own time per step, on an executor that returns at once: scheduling, sampling from a small vocabulary,
// text, streams and events. `npm run bench -- micro/scheduler --help`
import { createEngine, type Executor, type TokenDecoderPort } from "@infernode/inference";
import { parseOptions } from "../lib/parse-options.ts";
import { plainMemory } from "../lib/plain-memory.ts";
import { writeReport } from "../lib/report.ts";
import { quantile } from "../lib/statistics.ts";
import { formatTable } from "../lib/table.ts";

const { values } = parseOptions({
  options: {
    sequences: { type: "string", default: "1,8,64" },
    vocab: { type: "string", default: "256" },
    tokens: { type: "string", default: "1000" },
    rounds: { type: "string", default: "3" },
    output: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(
    "options: --sequences 1,8,64  --vocab 256  --tokens 1000  --rounds 3  --output <file.json>  --json\n",
  );
  process.exit(0);
}

const vocabSize = Number(values.vocab);
const tokenCount = Number(values.tokens);
const promptTokens = 16;

/** Returns at once, always with the same logits. */
function createInstantExecutor(maxSequences: number): Executor {
  const contextTokens = promptTokens + tokenCount;
  const row = Float32Array.from({ length: vocabSize }, (_, id) => ((id * 7919) % 97) / 10);
  const dispose = (): Promise<void> => Promise.resolve();
  return {
    name: "instant",
    description: "returns at once",
    vocabSize,
    plan: {
      weightsBytes: 0,
      kvCacheBytes: 0,
      activationsBytes: 0,
      workspaceBytes: 0,
      totalBytes: 0,
      kvBytesPerToken: 0,
      kvCacheDtype: "float32",
      productPrecision: "float32",
      productLibrary: "none",
      kvHeadDim: 8,
      maxSequences,
      contextTokens,
    },
    kvStorage: { layout: "slots", slotCount: maxSequences, slotTokens: contextTokens, move: () => {} },
    maxLogitRows: maxSequences,
    forward: async ({ chunkCount }) => ({ rowCount: chunkCount, row: () => row }),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

const pieces = Array.from({ length: vocabSize }, (_, id) => new TextEncoder().encode(` w${id}`));
const texts = pieces.map((_, id) => ` w${id}`);
const tokenizer: TokenDecoderPort = {
  vocabSize,
  bytesOf: (tokenId) => pieces[tokenId] ?? new Uint8Array(),
  tokenOf: (tokenId) => texts[tokenId],
  decode: (tokenIds) => tokenIds.map((tokenId) => texts[tokenId]).join(""),
};

const cases = [
  { name: "greedy", sampling: { temperature: 0 } },
  { name: "sampled, stop string", sampling: { temperature: 0.8, topP: 0.95 }, stop: ["\n\nUser:"] },
];

const results = [];
for (const sequenceCount of values.sequences.split(",").map(Number)) {
  for (const { name, sampling, stop } of cases) {
    const stepTimes: number[] = [];
    let stepCount = 0;
    let wallMs = 0;
    for (let round = 0; round < Number(values.rounds); round += 1) {
      const engine = createEngine({
        executor: createInstantExecutor(sequenceCount),
        tokenizer,
        eosTokenIds: [],
        model: "benchmark",
        memory: plainMemory,
        events: {
          emit: (...[event, fact]) => {
            if (event === "inference:step-finished" && "stepMs" in fact) stepTimes.push(fact.stepMs * 1000);
          },
        },
        limits: { maxTokensPerStep: Math.max(256, sequenceCount) },
      });
      const startedAt = performance.now();
      await Promise.all(
        Array.from({ length: sequenceCount }, async (_, seed) => {
          const stream = engine.generate({
            promptTokenIds: Array.from({ length: promptTokens }, (_, at) => at % vocabSize),
            sampling: { ...sampling, seed },
            stopping: { maxTokens: tokenCount, ...(stop === undefined ? {} : { stop }) },
          });
          let textLength = 0;
          for await (const delta of stream) textLength += delta.text.length;
          return textLength;
        }),
      );
      wallMs += performance.now() - startedAt;
      stepCount += engine.stats().stepCount;
      await engine.dispose();
    }
    results.push({
      sequenceCount,
      name,
      stepMedianUs: quantile(stepTimes, 0.5),
      stepP99Us: quantile(stepTimes, 0.99),
      // Includes the consumers' loops and the turn of the event loop between steps.
      wallPerStepUs: (wallMs * 1000) / stepCount,
      tokensPerSecond: (sequenceCount * tokenCount * Number(values.rounds) * 1000) / wallMs,
    });
  }
}

if (values.output !== undefined) {
  writeReport(values.output, "micro/scheduler", { vocabSize, tokenCount, results });
}
process.stdout.write(
  values.json
    ? `${JSON.stringify(results)}\n`
    : `${formatTable(
        ["sequences, parameters", "step median µs", "step p99 µs", "wall µs per step", "tokens/s"],
        results.map((result) => [
          `${result.sequenceCount}, ${result.name}`,
          result.stepMedianUs.toFixed(0),
          result.stepP99Us.toFixed(0),
          result.wallPerStepUs.toFixed(0),
          result.tokensPerSecond.toFixed(0),
        ]),
      )}\n`,
);
