// Ours beside other engines, on the same numbers, in turns. `npm run bench -- peers --help`
import { mkdirSync } from "node:fs";
import { describeRefusal, refuseArguments } from "../lib/parse-options.ts";
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

/** What is wrong with them is one line. */
function readOptions(): ReturnType<typeof parsePeersOptions> {
  try {
    return parsePeersOptions(process.argv.slice(2));
  } catch (error) {
    return refuseArguments(describeRefusal(error));
  }
}

const options = readOptions();
try {
  if ("help" in options) process.stdout.write(options.help);
  else await measure(options);
} catch (error) {
  process.stderr.write(`peers: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
