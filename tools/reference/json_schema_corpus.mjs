// Compiles real schemas: each must compile or be refused by a ConstraintError.
// `node tools/reference/json_schema_corpus.mjs <folder of .json files>`; docs/structured-output.md has the counts of the
// schemas in the package `schemastore` of Python's registry.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compileConstraint } from "../../packages/inference/dist/constraint/index.js";

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write("usage: json_schema_corpus.mjs <folder>\n");
  process.exit(2);
}
const counts = {};
const reasons = new Map();
const times = [];
let untyped = 0;
for (const name of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
  const schema = JSON.parse(readFileSync(join(folder, name), "utf8"));
  let outcome = "compiled";
  const startedAt = process.cpuUsage();
  try {
    compileConstraint({ jsonSchema: schema });
  } catch (error) {
    outcome = error.name === "ConstraintError" ? error.code : "untyped";
    if (outcome === "untyped") {
      untyped += 1;
      process.stdout.write(`${name}: ${error.stack}\n`);
    }
    const reason = error.keyword ?? error.got;
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  const { user, system } = process.cpuUsage(startedAt);
  times.push((user + system) / 1000);
  counts[outcome] = (counts[outcome] ?? 0) + 1;
}
times.sort((left, right) => left - right);
process.stdout.write(`${JSON.stringify(counts)}\n`);
const sorted = [...reasons].sort((left, right) => right[1] - left[1]).slice(0, 20);
process.stdout.write(
  `most frequent reasons: ${sorted.map(([reason, count]) => `${reason} ${count}`).join(", ")}\n`,
);
const at = (share) => times[Math.floor(share * (times.length - 1))].toFixed(0);
process.stdout.write(`milliseconds of processor time: median ${at(0.5)}, p90 ${at(0.9)}, most ${at(1)}\n`);
process.exit(untyped === 0 ? 0 : 1);
