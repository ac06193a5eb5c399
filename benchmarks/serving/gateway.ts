// What a gateway adds to the streams that it passes on, and its share of a core, beside nginx with the same streams.
// `npm run bench -- serving/gateway --help`
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { startDaemonProcess } from "../lib/daemon-process.ts";
import { nginxVersion, startNginx } from "../lib/nginx-process.ts";
import { runPacedStreams, runRequests } from "../lib/paced-streams.ts";
import { parseOptions } from "../lib/parse-options.ts";
import { readProcessSeconds } from "../lib/process-time.ts";
import { readConditions, writeReport } from "../lib/report.ts";
import { median, quantile } from "../lib/statistics.ts";
import { formatTable } from "../lib/table.ts";

const { values } = parseOptions(
  {
    options: {
      streams: { type: "string", default: "50" },
      rate: { type: "string", default: "20" },
      seconds: { type: "string", default: "10" },
      rounds: { type: "string", default: "5" },
      requests: { type: "string", default: "200" },
      output: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  },
  { fractions: ["rate", "seconds"] },
);
if (values.help) {
  process.stdout.write(
    "options: --streams 50  --rate <chunks a second of each> 20  --seconds 10  --rounds 5  --requests 200  " +
      "--output <file.json>  --json\n",
  );
  process.exit(0);
}
if (process.platform !== "linux") {
  process.stdout.write("serving/gateway: skipped, /proc is read for processor time and is on Linux only\n");
  process.exit(0);
}

/** One way to the backend, and its measurements of each round. */
interface Way {
  readonly name: string;
  readonly url: string;
  readonly pid: number | undefined;
  readonly rounds: Round[];
}

interface Round {
  readonly ageP50Ms: number;
  readonly ageP99Ms: number;
  readonly requestP50Ms: number;
  readonly requestP99Ms: number;
  /** Of one core, while the streams run. */
  readonly coreShare: number | undefined;
}

const load = {
  streamCount: Number(values.streams),
  chunksPerSecond: Number(values.rate),
  seconds: Number(values.seconds),
};

async function measure({ url, pid }: Way): Promise<Round> {
  const secondsOf = (): number => (pid === undefined ? 0 : readProcessSeconds(pid));
  const [startedAt, secondsBefore] = [performance.now(), secondsOf()];
  const ages = await runPacedStreams(url, load);
  const seconds = (performance.now() - startedAt) / 1000;
  const coreShare = pid === undefined ? undefined : (secondsOf() - secondsBefore) / seconds;
  const requests = await runRequests(url, Number(values.requests));
  return {
    ageP50Ms: quantile(ages, 0.5),
    ageP99Ms: quantile(ages, 0.99),
    requestP50Ms: quantile(requests, 0.5),
    requestP99Ms: quantile(requests, 0.99),
    coreShare,
  };
}

const backend = spawn(process.execPath, [fileURLToPath(new URL("./paced-backend.js", import.meta.url))], {
  stdio: ["ignore", "pipe", "inherit"],
});
process.once("exit", () => void backend.kill());
const [line] = (await once(backend.stdout.setEncoding("utf8"), "data")) as [string];
const port = Number(line);
const direct = `http://127.0.0.1:${port}`;
await using gateway = await startDaemonProcess(["--backend", `paced=${direct}`], undefined, "gateway");
const version = nginxVersion();
await using nginx = version === undefined ? undefined : await startNginx(port);
const ways: readonly Way[] = [
  { name: "direct", url: direct, pid: undefined, rounds: [] },
  { name: "gateway", url: gateway.url, pid: gateway.pid, rounds: [] },
  ...(nginx === undefined ? [] : [{ name: `nginx ${version}`, url: nginx.url, pid: nginx.pid, rounds: [] }]),
];
if (nginx === undefined) process.stderr.write("nginx is not on this machine: it is not measured\n");

// The first time the code of the gateway is compiled.
for (const { url } of ways) await runPacedStreams(url, { ...load, seconds: Math.min(3, load.seconds) });
for (let round = 0; round < Number(values.rounds); round += 1) {
  for (const way of ways) way.rounds.push(await measure(way));
}

/** The median over the rounds of what a way has more than the direct one in the same round. */
function added({ rounds }: Way, pick: (round: Round) => number): number {
  const base = ways[0]?.rounds ?? [];
  return median(rounds.map((round, at) => pick(round) - pick(base[at] ?? round)));
}

const results = ways.map((way) => ({
  way: way.name,
  chunkAgeMs: {
    p50: median(way.rounds.map(({ ageP50Ms }) => ageP50Ms)),
    p99: median(way.rounds.map(({ ageP99Ms }) => ageP99Ms)),
  },
  addedToChunkMs: { p50: added(way, (each) => each.ageP50Ms), p99: added(way, (each) => each.ageP99Ms) },
  addedToRequestMs: {
    p50: added(way, (each) => each.requestP50Ms),
    p99: added(way, (each) => each.requestP99Ms),
  },
  coreShare: way.pid === undefined ? undefined : median(way.rounds.map(({ coreShare = 0 }) => coreShare)),
}));
const report = { ...load, rounds: Number(values.rounds), requests: Number(values.requests), results };
if (values.output !== undefined) writeReport(values.output, "gateway", report);
if (values.json) {
  process.stdout.write(`${JSON.stringify({ conditions: readConditions(), ...report }, undefined, 2)}\n`);
} else {
  const show = (value: number): string => value.toFixed(3);
  const rows = results.map(({ way, chunkAgeMs, addedToChunkMs, addedToRequestMs, coreShare }) => [
    way,
    show(chunkAgeMs.p50),
    show(chunkAgeMs.p99),
    show(addedToChunkMs.p50),
    show(addedToChunkMs.p99),
    show(addedToRequestMs.p50),
    show(addedToRequestMs.p99),
    coreShare === undefined ? "" : `${(100 * coreShare).toFixed(1)} %`,
  ]);
  const header = ["", "chunk p50", "p99 ms", "added p50", "p99", "request +p50", "+p99", "core"];
  process.stdout.write(`${formatTable(header, rows)}\n`);
}
backend.kill();
