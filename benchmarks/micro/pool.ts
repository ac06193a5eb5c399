// Time of a hit in a memory pool, and its fragmentation after a hundred thousand steps of a server.
// `npm run bench -- micro/pool [--steps 100000] [--output file.json] [--json]`
import { createHostMemoryPool, createMemoryTracker, formatBytes } from "@infernode/memory";
import { parseOptions } from "../lib/parse-options.ts";
import { measureHits } from "../lib/pool-hits.ts";
import { measureDemand, measureTrace } from "../lib/pool-trace.ts";
import { readConditions, writeReport } from "../lib/report.ts";
import { median } from "../lib/statistics.ts";
import { formatTable } from "../lib/table.ts";
import { llama8b } from "../workloads/serving-trace.ts";

const { values } = parseOptions({
  options: {
    steps: { type: "string", default: "100000" },
    output: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write("options: --steps 100000  --output <file.json>  --json\n");
  process.exit(0);
}

/** The alternative without a pool: a buffer for each allocation, freed by the garbage collector. */
function measureArrayBuffers(sizeBytes: number): number {
  const pairCount = 2000;
  const rounds: number[] = [];
  let keptBytes = 0;
  for (let round = 0; round < 5; round += 1) {
    const startedAt = performance.now();
    for (let pair = 0; pair < pairCount; pair += 1) keptBytes += new ArrayBuffer(sizeBytes).byteLength;
    rounds.push(((performance.now() - startedAt) * 1e6) / pairCount);
  }
  if (keptBytes === 0) throw new Error("nothing was allocated");
  return median(rounds);
}

function measureHost(shape: typeof llama8b) {
  using pool = createHostMemoryPool({ limitBytes: 2 ** 36, retainBytes: Number.POSITIVE_INFINITY });
  using tracked = createHostMemoryPool({
    limitBytes: 2 ** 36,
    retainBytes: Number.POSITIVE_INFINITY,
    ledger: createMemoryTracker({ limits: { cpu: 2 ** 36 } }),
  });
  const hits = measureHits(pool);
  const trackedHits = measureHits(tracked);
  const demand = measureDemand(shape);
  using growing = createHostMemoryPool({ limitBytes: 2 ** 40, retainBytes: Number.POSITIVE_INFINITY });
  const limitBytes = Math.ceil(demand.peakBytes / 0.95);
  using limited = createHostMemoryPool({ limitBytes, retainBytes: Number.POSITIVE_INFINITY });
  return {
    pool: "host",
    hits,
    trackedHits,
    arrayBufferNs: [4096, 65_536, 2 ** 21].map((sizeBytes) => ({
      sizeBytes,
      ns: measureArrayBuffers(sizeBytes),
    })),
    demand,
    growing: { limitBytes: growing.stats().limitBytes, ...measureTrace(growing, shape) },
    limited: { limitBytes, ...measureTrace(limited, shape) },
  };
}

const shape = { ...llama8b, stepCount: Number(values.steps) };
const results = [measureHost(shape)];
if (values.output !== undefined) writeReport(values.output, "micro/pool", { shape, results });
if (values.json) {
  process.stdout.write(
    `${JSON.stringify({ benchmark: "micro/pool", conditions: readConditions(), shape, results })}\n`,
  );
} else {
  const ns = (value: number): string => value.toFixed(0);
  const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
  for (const result of results) {
    const hits = result.hits.map((hit, index) => [
      hit.name,
      ns(hit.nsPerPair),
      ns(result.trackedHits[index]?.nsPerPair ?? Number.NaN),
    ]);
    const buffers = result.arrayBufferNs.map(({ sizeBytes, ns: cost }) => [
      `new ArrayBuffer(${sizeBytes})`,
      ns(cost),
      "",
    ]);
    const traces = [result.growing, result.limited].map((trace) => [
      trace === result.growing ? "grows as needed" : "limit = peak ÷ 0.95",
      formatBytes(trace.peakInUseBytes),
      formatBytes(trace.peakArenaBytes),
      percent(trace.overhead),
      String(trace.failureCount),
      percent(trace.fragmentation.median),
      ns(trace.nsPerOperation),
    ]);
    process.stdout.write(
      `${result.pool} pool, ns for one allocate and one free\n` +
        `${formatTable(["hit", "pool", "with ledger"], [...hits, ...buffers])}\n\n` +
        `${shape.stepCount} steps of a server, ${result.demand.operationCount} operations\n` +
        formatTable(
          [
            "trace",
            "peak used",
            "peak arenas",
            "taken in excess",
            "failures",
            "free not in one piece (median)",
            "ns/op",
          ],
          traces,
        ) +
        "\n",
    );
  }
}
