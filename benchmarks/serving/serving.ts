// Time to ready, time to first token, tokens per second for one stream and for several, and the
// delay of the daemon's event loop meanwhile; with `--against`, alternating with another checkout of this project.
// `npm run bench -- serving/serving --help`
import { startDaemonProcess, type DaemonProcess } from "../lib/daemon-process.ts";
import { parseOptions } from "../lib/parse-options.ts";
import { readConditions, writeReport } from "../lib/report.ts";
import { median, quantile } from "../lib/statistics.ts";
import { streamCompletion } from "../lib/stream-completion.ts";
import { formatTable } from "../lib/table.ts";

const { values } = parseOptions({
  options: {
    model: { type: "string" },
    against: { type: "string" },
    streams: { type: "string", default: "1,8" },
    rounds: { type: "string", default: "5" },
    starts: { type: "string", default: "1" },
    "max-tokens": { type: "string", default: "128" },
    prompt: { type: "string", default: "Once upon a time there was a small fox who" },
    output: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(
    "options: --model <directory>  --against <built checkout>  --streams 1,8  --rounds 5  --starts 1  " +
      "--max-tokens 128  --prompt <text>  --output <file.json>  --json\n",
  );
  process.exit(0);
}

/** Reads the daemon's event loop delay from its metrics, without the timer's own resolution. */
function readLoopDelayMs(text: string, percentile: number): number {
  const series = `infernode_event_loop_delay_seconds{percentile="${percentile}"} `;
  const line = text.split("\n").find((each) => each.startsWith(series));
  if (line === undefined) throw new Error(`expected ${series.trim()} in the daemon's metrics, got none`);
  return Number(line.slice(series.length)) * 1000;
}

const maxTokens = Number(values["max-tokens"]);
const roundCount = Number(values.rounds);
const options = values.model === undefined ? [] : ["--model", values.model];
const checkouts = values.against === undefined ? [undefined] : [undefined, values.against];

/** A measured daemon and its measurements. */
interface Side {
  daemon: DaemonProcess;
  readonly readyMs: number[];
}

const sides: Side[] = [];
for (const checkout of checkouts) {
  const daemon = await startDaemonProcess(options, checkout);
  sides.push({ daemon, readyMs: [daemon.readyMs] });
}
const stopAll = async (): Promise<void> => {
  await Promise.all(sides.map(async ({ daemon }) => daemon.stop()));
};
// Otherwise the processes outlive a benchmark that fails.
process.once("exit", () => void stopAll());
for (let start = 1; start < Number(values.starts); start += 1) {
  for (const [index, side] of sides.entries()) {
    await side.daemon.stop();
    side.daemon = await startDaemonProcess(options, checkouts[index]);
    side.readyMs.push(side.daemon.readyMs);
  }
}

const models = (await (await fetch(`${sides[0]?.daemon.url}/v1/models`)).json()) as {
  data: { id: string }[];
};
const model = models.data[0]?.id;
// ignore_eos gives every stream the same number of tokens; a seed makes rounds equal.
const body = { model, prompt: values.prompt, max_tokens: maxTokens, ignore_eos: true, temperature: 0.8 };

/** Measurements of one round of streams. */
interface Round {
  readonly tokensPerSecond: number;
  readonly firstsMs: readonly number[];
  readonly gapsMs: readonly number[];
}

async function runRound(url: string, streamCount: number, round: number): Promise<Round> {
  const startedAt = performance.now();
  const answers = await Promise.all(
    Array.from({ length: streamCount }, (_, index) =>
      streamCompletion(url, { ...body, seed: round * 100 + index }),
    ),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  return {
    tokensPerSecond: answers.reduce((sum, answer) => sum + answer.completionTokenCount, 0) / seconds,
    firstsMs: answers.map((answer) => answer.timeToFirstTokenMs),
    gapsMs: answers.flatMap((answer) => answer.gapsMs),
  };
}

function summarize(rounds: readonly Round[], streamCount: number) {
  const firsts = rounds.flatMap(({ firstsMs }) => firstsMs);
  const gaps = rounds.flatMap(({ gapsMs }) => gapsMs);
  return {
    streamCount,
    tokensPerSecond: median(rounds.map(({ tokensPerSecond }) => tokensPerSecond)),
    timeToFirstTokenMs: { median: median(firsts), p95: quantile(firsts, 0.95) },
    interTokenMs: { median: median(gaps), p99: quantile(gaps, 0.99) },
  };
}

const readMetrics = async (url: string): Promise<string> => (await fetch(`${url}/metrics`)).text();
for (const { daemon } of sides) {
  await streamCompletion(daemon.url, body);
  // Each reading resets the delay gauges: this one excludes the start of the daemon.
  await readMetrics(daemon.url);
}
const results: ReturnType<typeof summarize>[] = [];
const againstResults: ReturnType<typeof summarize>[] = [];
const ratios = [];
for (const streamCount of values.streams.split(",").map(Number)) {
  const rounds = sides.map((): Round[] => []);
  for (let round = 0; round < roundCount; round += 1) {
    const order = [...sides.keys()];
    // They alternate in being first.
    if (round % 2 === 1) order.reverse();
    for (const index of order) {
      rounds[index]?.push(await runRound(sides[index]?.daemon.url ?? "", streamCount, round));
    }
  }
  const [own = [], other = []] = rounds;
  results.push(summarize(own, streamCount));
  if (other.length === 0) continue;
  againstResults.push(summarize(other, streamCount));
  const ratioOf = (measure: (round: Round) => number): number =>
    median(own.map((round, index) => measure(round) / measure(other[index] ?? round)));
  ratios.push({
    streamCount,
    tokensPerSecond: ratioOf(({ tokensPerSecond }) => tokensPerSecond),
    timeToFirstTokenMs: ratioOf(({ firstsMs }) => median(firstsMs)),
    interTokenMs: ratioOf(({ gapsMs }) => median(gapsMs)),
  });
}
const metrics = await readMetrics(sides[0]?.daemon.url ?? "");
const eventLoop = { p99Ms: readLoopDelayMs(metrics, 99), maxMs: readLoopDelayMs(metrics, 100) };

const [readyMs = 0, againstReadyMs] = sides.map((side) => median(side.readyMs));
const report = {
  model,
  maxTokens,
  rounds: roundCount,
  readyMs,
  results,
  daemonEventLoopDelay: eventLoop,
  ...(againstReadyMs === undefined
    ? {}
    : { against: { readyMs: againstReadyMs, results: againstResults, ratios } }),
};
if (values.output !== undefined) writeReport(values.output, "serving", report);
if (values.json) {
  process.stdout.write(
    `${JSON.stringify({ benchmark: "serving", conditions: readConditions(), ...report })}\n`,
  );
} else {
  const fixed = (value: number): string => value.toFixed(1);
  const rowsOf = (name: string, summaries: typeof results): string[][] =>
    summaries.map((each) => [
      name,
      String(each.streamCount),
      fixed(each.tokensPerSecond),
      fixed(each.timeToFirstTokenMs.median),
      fixed(each.timeToFirstTokenMs.p95),
      fixed(each.interTokenMs.median),
      fixed(each.interTokenMs.p99),
    ]);
  const header = ["checkout", "streams", "tokens/s", "TTFT ms", "TTFT p95", "gap ms", "gap p99"];
  const ratioRows = ratios.map((each) => [
    "ratio",
    String(each.streamCount),
    each.tokensPerSecond.toFixed(3),
    each.timeToFirstTokenMs.toFixed(3),
    "",
    each.interTokenMs.toFixed(3),
    "",
  ]);
  const against = againstReadyMs === undefined ? "" : `, the other after ${fixed(againstReadyMs)} ms`;
  process.stdout.write(
    `model ${model}: ready after ${fixed(readyMs)} ms${against}\n` +
      `${formatTable(header, [...rowsOf("this", results), ...rowsOf("other", againstResults), ...ratioRows])}\n` +
      `daemon event loop delay: p99 ${fixed(eventLoop.p99Ms)} ms, max ${fixed(eventLoop.maxMs)} ms\n`,
  );
}
await stopAll();
