// Ours beside other engines, on the same numbers, in turns. `npm run bench -- peers --help`
import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeReport } from "../lib/report.ts";
import { comparePeers } from "./harness/compare-peers.ts";
import { measureNames } from "./harness/measures.ts";
import { formatMeasures, type PeerMeasure } from "./harness/results.ts";
import { shapeNamed, shapes } from "./models/shapes.ts";
import { peers } from "./peers/registry.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    shape: { type: "string" },
    mode: { type: "string", default: "int4" },
    gguf: { type: "boolean", default: false },
    peer: { type: "string", default: peers.map(({ name }) => name).join(",") },
    measure: { type: "string" },
    rounds: { type: "string" },
    threads: { type: "string", default: "2" },
    cache: { type: "string", default: join(homedir(), ".cache", "infernode", "peers") },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(`options:
  --quick             one small shape, 2 rounds
  --shape a,b         ${shapes.map(({ name }) => name).join(", ")}; all but the last
  --mode int4,auto    how our weights are quantized, as --quantize; with +kv8, a KV cache of 8 bits; int4
  --gguf              ours loads the file of llama.cpp too, instead of --mode
  --peer a,b          ${peers.map(({ name }) => name).join(", ")}; all that are there
  --measure a,b       ${measureNames.join(", ")}; all
  --rounds 5          rounds of each measure, after one that warms up
  --threads 2         of each engine
  --cache <folder>    of generated models (some GB); ~/.cache/infernode/peers
  --json <file>       writes the measures
`);
  process.exit(0);
}

const list = (text: string): readonly string[] => text.split(",").filter((each) => each !== "");
const say = (message: string): void => void process.stderr.write(`${message}\n`);

const quickMeasures = measureNames.filter((name) => name !== "prefill@2048" && name !== "streams@16");
const names =
  values.measure === undefined ? (values.quick ? quickMeasures : measureNames) : list(values.measure);
const unknown = names.find((name) => !measureNames.includes(name));
if (unknown !== undefined) {
  throw new Error(`--measure: expected ${measureNames.join(", ")}, got '${unknown}'`);
}
const shapeNames = list(
  values.shape ?? (values.quick ? "small-60m" : "tinyllama-1.1b,qwen2.5-0.5b,llama-3.2-1b"),
);
mkdirSync(values.cache, { recursive: true });

const measures: PeerMeasure[] = [];
for (const name of shapeNames) {
  await comparePeers({
    shape: shapeNamed(name),
    modes: values.gguf ? ["gguf"] : list(values.mode),
    peerNames: list(values.peer),
    measureNames: new Set(names),
    rounds: Number(values.rounds ?? (values.quick ? 2 : 5)),
    threads: Number(values.threads),
    cacheDirectory: values.cache,
    say,
    onMeasures: (each) => {
      measures.push(...each);
      // What was measured before an engine fails is kept.
      if (values.json !== undefined) writeReport(values.json, "peers", { measures });
    },
  });
}
process.stdout.write(`${formatMeasures(measures)}\n`);
