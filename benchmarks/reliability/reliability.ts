// Crashes, overload, hostile clients and shutdown, tested on the built program from outside.
// `npm run bench -- reliability/reliability --help`
import { parseOptions } from "../lib/parse-options.ts";
import { readConditions, writeReport } from "../lib/report.ts";
import { formatTable } from "../lib/table.ts";
import { bodies } from "./scenarios/bodies.ts";
import { crowd } from "./scenarios/crowd.ts";
import { cycles } from "./scenarios/cycles.ts";
import { floods } from "./scenarios/floods.ts";
import { gateway } from "./scenarios/gateway.ts";
import { kills } from "./scenarios/kills.ts";
import { shutdown } from "./scenarios/shutdown.ts";
import { slowReaders } from "./scenarios/slow-readers.ts";
import { soak } from "./scenarios/soak.ts";
import { vanishing } from "./scenarios/vanish.ts";
import type { Scenario, ScenarioResult } from "./support/scenario.ts";
import { ownProgram, startWatchedDaemon } from "./support/watched-daemon.ts";

const scenarios: readonly Scenario[] = [
  kills,
  vanishing,
  crowd,
  slowReaders,
  bodies,
  floods,
  shutdown,
  cycles,
  soak,
  gateway,
];

const { values, positionals } = parseOptions(
  {
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      seconds: { type: "string" },
      seed: { type: "string" },
      program: { type: "string", default: ownProgram },
      output: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  },
  { counts: ["seconds", "seed"], least: { seed: 0 }, fractions: ["seconds"] },
);
if (values.help) {
  const rows = scenarios.map(({ name, summary }) => `  ${name.padEnd(13)} ${summary}\n`).join("");
  process.stdout.write(
    `reliability/reliability [scenario …]   all of them where none is named\n${rows}` +
      "options: --quick (small sizes)  --seconds <of gateway>  --seed <of gateway>  --program <bin/infernode.js of another build>  --output <file.json>  --json\n",
  );
  process.exit(0);
}
if (process.platform !== "linux") {
  process.stdout.write(
    "reliability: skipped, /proc is read for memory and descriptors and is there on Linux only\n",
  );
  process.exit(0);
}
const unknown = positionals.filter((name) => scenarios.every((each) => each.name !== name));
if (unknown.length > 0) {
  process.stderr.write(
    `reliability: expected scenarios of ${scenarios.map(({ name }) => name).join(", ")}, got ${unknown.join(", ")}\n`,
  );
  process.exit(2);
}

async function run(scenario: Scenario): Promise<ScenarioResult> {
  try {
    return await scenario.run({
      isQuick: values.quick,
      seconds: values.seconds === undefined ? undefined : Number(values.seconds),
      seed: values.seed === undefined ? undefined : Number(values.seed),
      start: async (options) => startWatchedDaemon(values.program, options),
    });
  } catch (error) {
    return { figures: {}, faults: [error instanceof Error ? (error.stack ?? error.message) : String(error)] };
  }
}

const chosen =
  positionals.length === 0 ? scenarios : scenarios.filter(({ name }) => positionals.includes(name));
const results = [];
for (const scenario of chosen) {
  const startedAt = performance.now();
  const { figures, faults } = await run(scenario);
  const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
  results.push({ scenario: scenario.name, hasPassed: faults.length === 0, seconds, figures, faults });
  if (values.json) continue;
  const rows = Object.entries(figures).map(([name, value]) => [`  ${name}`, String(value)]);
  const verdict = faults.length === 0 ? "passed" : "FAILED";
  process.stdout.write(`${scenario.name}: ${verdict} in ${seconds} s (${scenario.summary})\n`);
  for (const [name = "", value = ""] of rows) process.stdout.write(`${name.padEnd(34)} ${value}\n`);
  for (const fault of faults) process.stdout.write(`  ! ${fault}\n`);
}
const report = { isQuick: values.quick, isOwnProgram: values.program === ownProgram, results };
if (values.output !== undefined) writeReport(values.output, "reliability", report);
if (values.json) {
  process.stdout.write(
    `${JSON.stringify({ benchmark: "reliability", conditions: readConditions(), ...report })}\n`,
  );
} else {
  const rows = results.map((each) => [
    each.scenario,
    each.hasPassed ? "passed" : "FAILED",
    `${each.seconds} s`,
    String(each.faults.length),
  ]);
  process.stdout.write(`\n${formatTable(["scenario", "verdict", "time", "faults"], rows)}\n`);
}
process.exit(results.every(({ hasPassed }) => hasPassed) ? 0 : 1);
