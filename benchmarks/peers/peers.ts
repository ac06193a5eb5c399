// Ours beside other engines, on the same numbers, in turns. `npm run bench -- peers --help`
import { mkdirSync } from "node:fs";
import { writeReport } from "../lib/report.ts";
import { comparePeers } from "./harness/compare-peers.ts";
import { parsePeersOptions, type PeersOptions } from "./harness/options.ts";
import { formatMeasures, type PeerMeasure } from "./harness/results.ts";

async function measure({ shapes, jsonPath, ...options }: PeersOptions): Promise<void> {
  mkdirSync(options.cacheDirectory, { recursive: true });
  const measures: PeerMeasure[] = [];
  for (const shape of shapes) {
    await comparePeers({
      ...options,
      shape,
      say: (message) => void process.stderr.write(`${message}\n`),
      onMeasures: (each) => {
        measures.push(...each);
        // What was measured before an engine fails is kept.
        if (jsonPath !== undefined) writeReport(jsonPath, "peers", { measures });
      },
    });
  }
  process.stdout.write(`${formatMeasures(measures)}\n`);
}

try {
  const options = parsePeersOptions(process.argv.slice(2));
  if ("help" in options) process.stdout.write(options.help);
  else await measure(options);
} catch (error) {
  process.stderr.write(`peers: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
