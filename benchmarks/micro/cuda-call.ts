// What one call of the driver through FFI costs.
// `npm run bench -- micro/cuda-call [--ordinal 0] [--output file.json] [--stand-in library.so]`
import { openCuda, parseCudaOptions } from "../lib/open-cuda.ts";
import { writeReport } from "../lib/report.ts";
import { median } from "../lib/statistics.ts";
import { formatTable } from "../lib/table.ts";

const options = parseCudaOptions();

const calls = 50_000;

function nsPerCall(call: () => void): number {
  const rounds: number[] = [];
  for (let round = 0; round < 11; round += 1) {
    const startedAt = performance.now();
    for (let index = 0; index < calls; index += 1) call();
    rounds.push(((performance.now() - startedAt) * 1e6) / calls);
  }
  return median(rounds);
}

const { device, subject } = openCuda(options);
const { driver, context } = device;
const { functions } = driver;
const version = new Int32Array(1);
const memory = new BigUint64Array(2);
using event = device.createEvent();
const eventHandle = event.handle;
const results = [
  { call: "an empty function of this program", ns: nsPerCall(() => void version[0]) },
  { call: "cuDriverGetVersion (a pointer)", ns: nsPerCall(() => functions.cuDriverGetVersion(version)) },
  { call: "cuEventQuery (a handle)", ns: nsPerCall(() => functions.cuEventQuery(eventHandle)) },
  { call: "cuCtxSetCurrent, checked", ns: nsPerCall(() => context.makeCurrent()) },
  {
    call: "cuMemGetInfo (two pointers)",
    ns: nsPerCall(() => functions.cuMemGetInfo_v2(memory, memory.subarray(1))),
  },
];
const asyncRounds: number[] = [];
for (let round = 0; round < 2000; round += 1) {
  const startedAt = performance.now();
  await new Promise<void>((resolve) => functions.cuEventQuery.async(eventHandle, () => resolve()));
  asyncRounds.push((performance.now() - startedAt) * 1e6);
}
results.push({ call: "cuEventQuery on another thread, awaited", ns: median(asyncRounds) });
event.dispose();
device.dispose();
if (options.output !== undefined) writeReport(options.output, "micro/cuda-call", { subject, results });
process.stdout.write(
  `${subject.device}, CUDA ${subject.cudaVersion}\n` +
    `${formatTable(
      ["call", "ns"],
      results.map(({ call, ns }) => [call, ns.toFixed(0)]),
    )}\n`,
);
