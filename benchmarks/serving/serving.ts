// Time to ready, time to first token, tokens per second for one stream and for several, and the
// delay of the daemon's event loop meanwhile. `npm run bench -- serving/serving --help`
import { parseArgs } from "node:util";
import { startDaemonProcess } from "../lib/daemon-process.ts";
import { readConditions, writeReport } from "../lib/report.ts";
import { median, quantile } from "../lib/statistics.ts";
import { streamCompletion } from "../lib/stream-completion.ts";
import { formatTable } from "../lib/table.ts";

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    streams: { type: "string", default: "1,8" },
    rounds: { type: "string", default: "5" },
    "max-tokens": { type: "string", default: "128" },
    prompt: { type: "string", default: "Once upon a time there was a small fox who" },
    output: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(
    "options: --model <directory>  --streams 1,8  --rounds 5  --max-tokens 128  --prompt <text>  --output <file.json>  --json\n",
  );
  process.exit(0);
}

/** Reads how late the daemon's event loop was from Prometheus' text, without what its timer waits by itself. */
function readLoopDelayMs(text: string, percentile: number): number {
  const series = `infernode_event_loop_delay_seconds{percentile="${percentile}"} `;
  const line = text.split("\n").find((each) => each.startsWith(series));
  if (line === undefined) throw new Error(`the daemon's metrics must have ${series.trim()}, found none`);
  return Number(line.slice(series.length)) * 1000;
}

const maxTokens = Number(values["max-tokens"]);
const rounds = Number(values.rounds);
await using daemon = await startDaemonProcess(values.model === undefined ? [] : ["--model", values.model]);
const models = (await (await fetch(`${daemon.url}/v1/models`)).json()) as { data: { id: string }[] };
const model = models.data[0]?.id;
// ignore_eos keeps every stream to the same number of tokens; a seed makes rounds alike.
const body = { model, prompt: values.prompt, max_tokens: maxTokens, ignore_eos: true, temperature: 0.8 };

const readMetrics = async (): Promise<string> => (await fetch(`${daemon.url}/metrics`)).text();
await streamCompletion(daemon.url, body);
// The delay gauges start anew at each reading: this one takes the start of the daemon out.
await readMetrics();
const results = [];
for (const streamCount of values.streams.split(",").map(Number)) {
  const rates: number[] = [];
  const firsts: number[] = [];
  const gaps: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const startedAt = performance.now();
    const answers = await Promise.all(
      Array.from({ length: streamCount }, (_, index) =>
        streamCompletion(daemon.url, { ...body, seed: round * 100 + index }),
      ),
    );
    const seconds = (performance.now() - startedAt) / 1000;
    rates.push(answers.reduce((sum, answer) => sum + answer.completionTokenCount, 0) / seconds);
    firsts.push(...answers.map((answer) => answer.timeToFirstTokenMs));
    gaps.push(...answers.flatMap((answer) => answer.gapsMs));
  }
  results.push({
    streamCount,
    tokensPerSecond: median(rates),
    timeToFirstTokenMs: { median: median(firsts), p95: quantile(firsts, 0.95) },
    interTokenMs: { median: median(gaps), p99: quantile(gaps, 0.99) },
  });
}
const metrics = await readMetrics();
const eventLoop = { p99Ms: readLoopDelayMs(metrics, 99), maxMs: readLoopDelayMs(metrics, 100) };

const report = {
  model,
  maxTokens,
  rounds,
  readyMs: daemon.readyMs,
  results,
  daemonEventLoopDelay: eventLoop,
};
if (values.output !== undefined) writeReport(values.output, "serving", report);
if (values.json) {
  process.stdout.write(
    `${JSON.stringify({ benchmark: "serving", conditions: readConditions(), ...report })}\n`,
  );
} else {
  const fixed = (value: number): string => value.toFixed(1);
  const rows = results.map((each) => [
    String(each.streamCount),
    fixed(each.tokensPerSecond),
    fixed(each.timeToFirstTokenMs.median),
    fixed(each.timeToFirstTokenMs.p95),
    fixed(each.interTokenMs.median),
    fixed(each.interTokenMs.p99),
  ]);
  const header = ["streams", "tokens/s", "TTFT ms", "TTFT p95", "gap ms", "gap p99"];
  process.stdout.write(
    `model ${model}: ready after ${fixed(daemon.readyMs)} ms\n${formatTable(header, rows)}\n` +
      `daemon event loop delay: p99 ${fixed(eventLoop.p99Ms)} ms, max ${fixed(eventLoop.maxMs)} ms\n`,
  );
}
