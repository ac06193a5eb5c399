// Memory that remains after a model is loaded and disposed: resident memory after each of several cycles.
// `npm run bench -- micro/load-cycles --help`
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createEngine } from "@infernode/inference";
import { createOnnxExecutor } from "@infernode/inference/onnx";
import { createHostMemoryPool } from "@infernode/memory";
import { openCheckpoint } from "@infernode/models";
import { parseOptions } from "../lib/parse-options.ts";
import { checkpointSizes, writeRandomCheckpoint } from "../lib/random-checkpoint.ts";
import { readConditions, writeReport } from "../lib/report.ts";
import { formatTable } from "../lib/table.ts";

const { values } = parseOptions(
  {
    options: {
      size: { type: "string", default: "100m" },
      dtype: { type: "string", default: "F32" },
      runtime: { type: "string", default: "ffi" },
      cycles: { type: "string", default: "10" },
      output: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  },
  { choices: { size: Object.keys(checkpointSizes), dtype: ["F32", "BF16"], runtime: ["ffi", "binding"] } },
);
if (values.help) {
  process.stdout.write(
    "options: --size 25m|100m|1b|tiny  --dtype F32|BF16  --runtime ffi|binding  --cycles 10  --output <file.json>  --json\n",
  );
  process.exit(0);
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const noText = {
  vocabSize: 1 << 20,
  decode: (ids: readonly number[]) => ids.map((id) => `<${id}>`).join(""),
  bytesOf: (id: number) => new TextEncoder().encode(`<${id}>`),
  tokenOf: (id: number) => `<${id}>`,
};

/** Anonymous resident memory in MiB; all resident memory where the system does not separate it. */
function residentMib(): number {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1]) / 1024;
  } catch {
    return process.memoryUsage.rss() / 2 ** 20;
  }
}

/** Loads the model, generates, and disposes everything; returns what was resident while it was loaded. */
async function runCycle(directory: string): Promise<number> {
  const memory = createHostMemoryPool();
  const checkpoint = await openCheckpoint(directory);
  const model = { name: "random", ...checkpoint };
  const runtime = values.runtime === "binding" ? "binding" : "ffi";
  const executor = await createOnnxExecutor({ model, memory, maxSequences: 4, runtime });
  const engine = createEngine({ executor, memory, tokenizer: noText, eosTokenIds: [2], model: "random" });
  const promptTokenIds = Array.from({ length: 100 }, (_, at) => 3 + at);
  await engine.generate({ promptTokenIds, n: 4, stopping: { maxTokens: 8, ignoreEos: true } }).result();
  const loadedMib = residentMib();
  for (const part of [engine, executor, memory]) await part.dispose();
  await checkpoint.weights.close();
  return loadedMib;
}

const sizes = checkpointSizes[values.size];
if (sizes === undefined) throw new Error(`--size must be one of ${Object.keys(checkpointSizes).join(", ")}`);
const directory = await mkdtemp(join(tmpdir(), "infernode-bench-"));
try {
  const dtype = values.dtype === "BF16" ? "BF16" : "F32";
  await writeRandomCheckpoint(directory, sizes, dtype);
  const startMib = residentMib();
  const results: { cycle: number; loadedMib: number; afterMib: number }[] = [];
  for (let cycle = 1; cycle <= Number(values.cycles); cycle += 1) {
    const loadedMib = await runCycle(directory);
    collectGarbage();
    // Buffers are freed on another thread.
    await new Promise((resolve) => setTimeout(resolve, 200));
    collectGarbage();
    results.push({ cycle, loadedMib: Math.round(loadedMib), afterMib: Math.round(residentMib()) });
  }
  const [first] = results;
  const last = results.at(-1);
  // What the last dispose freed: the first load also counts what the program itself frees later.
  const modelMib = (last?.loadedMib ?? 0) - (last?.afterMib ?? 0);
  const growthMib = (last?.afterMib ?? 0) - (first?.afterMib ?? 0);
  const summary = {
    size: values.size,
    dtype,
    runtime: values.runtime,
    startMib: Math.round(startMib),
    modelMib: Math.round(modelMib),
    /** What remained after the cycles that follow the first. */
    growthMib,
    growthShareOfModel: Math.round((growthMib / modelMib) * 1000) / 1000,
  };
  if (values.output !== undefined) writeReport(values.output, "micro/load-cycles", { ...summary, results });
  if (values.json) {
    const report = { benchmark: "micro/load-cycles", conditions: readConditions(), ...summary, results };
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  } else {
    const rows = results.map(({ cycle, loadedMib, afterMib }) => [cycle, loadedMib, afterMib].map(String));
    process.stdout.write(
      `${formatTable(["cycle", "loaded, MiB", "after, MiB"], rows)}\n${JSON.stringify(summary)}\n`,
    );
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
