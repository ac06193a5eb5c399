// A million random operations against a memory pool, each checked against a model.
// `npm run bench -- micro/pool-soak --help`
import { createHostMemoryPool, formatBytes } from "@infernode/memory";
import { soakAllocator } from "@infernode/memory/testing";
import { parseOptions } from "../lib/parse-options.ts";
import { readConditions } from "../lib/report.ts";

const { values } = parseOptions(
  {
    options: {
      operations: { type: "string", default: "1000000" },
      seed: { type: "string", default: "1" },
      "limit-mib": { type: "string", default: "512" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  },
  { least: { seed: 0 } },
);
if (values.help) {
  process.stdout.write("options: --operations 1000000  --seed 1  --limit-mib 512  --json\n");
  process.exit(0);
}

const limitBytes = Number(values["limit-mib"]) * 2 ** 20;
using pool = createHostMemoryPool({ limitBytes, retainBytes: limitBytes / 4 });
const startedAt = performance.now();
const result = soakAllocator({
  allocator: pool,
  operationCount: Number(values.operations),
  seed: Number(values.seed),
  maxBlockBytes: limitBytes / 32,
  addressOf: ({ bytes }) => ({ space: bytes.buffer, start: bytes.byteOffset }),
  mark({ bytes }, id) {
    bytes[0] = id;
    bytes[bytes.length - 1] = id;
  },
  verify({ bytes }, id) {
    if (bytes.at(-1) !== (id & 255)) throw new Error(`block ${id} was overwritten`);
  },
});
const seconds = (performance.now() - startedAt) / 1000;
const report = { pool: "host", seed: Number(values.seed), seconds, ...result };
if (values.json) {
  process.stdout.write(
    `${JSON.stringify({ benchmark: "micro/pool-soak", conditions: readConditions(), ...report })}\n`,
  );
} else {
  process.stdout.write(
    `host pool, seed ${values.seed}: ${values.operations} operations in ${seconds.toFixed(1)} s, nothing wrong\n` +
      `${result.allocationCount} allocated, ${result.freeCount} freed, ${result.refusedCount} refused for lack of room, ` +
      `at most ${result.peakLiveCount} live and ${formatBytes(result.peakInUseBytes)} in use\n`,
  );
}
