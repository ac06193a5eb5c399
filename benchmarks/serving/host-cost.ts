// What the two processes of a daemon take of the host's processor for each token, over the stand-in driver without kernels,
// as if the device took a time for each step. `npm run bench -- serving/host-cost --help`
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { compileStandIn } from "../lib/compile-stand-in.ts";
import { startDaemonProcess } from "../lib/daemon-process.ts";
import { idleWordCount, writeIdleModel } from "../lib/idle-cuda-model.ts";
import { parseOptions } from "../lib/parse-options.ts";
import { readProcessSeconds } from "../lib/process-time.ts";
import { createRandom } from "../lib/random.ts";
import { writeReport } from "../lib/report.ts";
import { formatTable } from "../lib/table.ts";

const { values } = parseOptions(
  {
    options: {
      streams: { type: "string", default: "64" },
      "step-us": { type: "string", default: "4917" },
      prompt: { type: "string", default: "1024" },
      "stream-interval": { type: "string", default: "1" },
      seconds: { type: "string", default: "20" },
      output: { type: "string" },
      help: { type: "boolean", default: false },
    },
  },
  { least: { "step-us": 0 }, fractions: ["seconds"] },
);
if (values.help) {
  process.stdout.write(
    "options: --streams 64  --step-us 4917 (of the device)  --prompt 1024  --stream-interval 1  --seconds 20  --output <file.json>\n",
  );
  process.exit(0);
}
const compiled = compileStandIn();
if ("reason" in compiled) {
  process.stdout.write(`nothing was measured: ${compiled.reason}\n`);
  process.exit(0);
}
const streams = Number(values.streams);
const promptTokens = Number(values.prompt);
const warmUpSeconds = 8;

const libraries = join(dirname(compiled.path), "libraries");
mkdirSync(libraries);
symlinkSync(compiled.path, join(libraries, "libcuda.so.1"));
Object.assign(process.env, {
  LD_LIBRARY_PATH: libraries,
  STAND_IN_IDLE: String(idleWordCount),
  STAND_IN_STEP_US: values["step-us"],
  // Room for about as many pages as Llama 3.1 8B has on 141 GB: the model's own are narrow.
  STAND_IN_BYTES: String(4 * 2 ** 30),
});

using files = await writeIdleModel();
const daemonOptions = ["--model", files.directory, "--executor", "cuda", "--context-tokens", "8192"];
daemonOptions.push("--max-sequences", values.streams, "--max-tokens-per-step", "2048");
daemonOptions.push("--stream-interval", values["stream-interval"]);
await using daemon = await startDaemonProcess(daemonOptions);

/** The process of the engine is the only child of the daemon. */
function enginePid(): number {
  return Number(readFileSync(`/proc/${daemon.pid}/task/${daemon.pid}/children`, "utf8").trim().split(" ")[0]);
}

/** Of the engine, as the daemon reports it. */
async function generatedTokens(): Promise<number> {
  const text = await (await fetch(`${daemon.url}/metrics`)).text();
  return Number(/^infernode_generated_tokens_total\{[^}]*\} (\d+)$/mu.exec(text)?.[1]);
}

const random = createRandom(1);
const isOver = new AbortController();

/** Reads an answer as bytes: what the client makes of them is not measured. */
async function read(seed: number): Promise<void> {
  const response = await fetch(`${daemon.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model: basename(files.directory),
      prompt: Array.from({ length: promptTokens }, () => Math.floor(random() * idleWordCount)),
      max_tokens: 7000,
      ignore_eos: true,
      temperature: 0.7,
      top_p: 0.95,
      seed,
      stream: true,
    }),
    signal: isOver.signal,
  });
  if (!response.ok || response.body === null) throw new Error(`${response.status}: ${await response.text()}`);
  for await (const _ of response.body);
}

const reading = Array.from({ length: streams }, (_, seed) =>
  read(seed).catch((error: unknown) => {
    if (!isOver.signal.aborted) throw error;
  }),
);
while ((await generatedTokens()) < streams * 100) await sleep(200);
await sleep(warmUpSeconds * 1000);
const pids = { engine: enginePid(), daemon: daemon.pid };
const readAll = async () => ({
  atMs: performance.now(),
  tokens: await generatedTokens(),
  engine: readProcessSeconds(pids.engine),
  daemon: readProcessSeconds(pids.daemon),
});
const before = await readAll();
await sleep(Number(values.seconds) * 1000);
const after = await readAll();
isOver.abort();
await Promise.all(reading);

const seconds = (after.atMs - before.atMs) / 1000;
const tokens = after.tokens - before.tokens;
const results = (["engine", "daemon"] as const).map((name) => ({
  process: name,
  cpuPerTokenUs: ((after[name] - before[name]) * 1e6) / tokens,
  share: (after[name] - before[name]) / seconds,
}));
const tokensPerSecond = tokens / seconds;
if (values.output !== undefined) {
  const stepUs = Number(values["step-us"]);
  writeReport(values.output, "serving/host-cost", {
    streams,
    promptTokens,
    stepUs,
    streamIntervalTokens: Number(values["stream-interval"]),
    tokensPerSecond,
    results,
  });
}
process.stdout.write(
  `${streams} streams, ${tokensPerSecond.toFixed(0)} tokens/s\n${formatTable(
    ["process", "processor µs per token", "share of a core"],
    results.map((result) => [
      result.process,
      result.cpuPerTokenUs.toFixed(1),
      `${(100 * result.share).toFixed(0)} %`,
    ]),
  )}\n`,
);
