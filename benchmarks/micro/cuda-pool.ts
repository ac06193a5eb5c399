// What a hit in the CUDA pool costs beside the driver's own allocators, in one run, and what a server does to it.
// `npm run bench -- micro/cuda-pool [--ordinal 0] [--steps 100000] [--output file.json] [--stand-in library.so]`
import { createMemoryTracker, formatBytes } from "@infernode/memory";
import { createCudaMemoryPool, type CudaDevice } from "@infernode/memory/cuda";
import { openCuda, parseCudaOptions } from "../lib/open-cuda.ts";
import { measureHits, measurePairs } from "../lib/pool-hits.ts";
import { measureDemand, measureTrace } from "../lib/pool-trace.ts";
import { writeReport } from "../lib/report.ts";
import { median } from "../lib/statistics.ts";
import { formatTable } from "../lib/table.ts";
import { llama8b, llamaSmall } from "../workloads/serving-trace.ts";

const options = parseCudaOptions({ steps: "100000" });

const sizes = [4096, 65_536, 2 ** 21, 2 ** 26];

/** Median of rounds of allocate and free together. */
function nsPerPair(pairCount: number, pair: () => void): number {
  const rounds: number[] = [];
  for (let round = 0; round < 9; round += 1) {
    const startedAt = performance.now();
    for (let index = 0; index < pairCount; index += 1) pair();
    rounds.push(((performance.now() - startedAt) * 1e6) / pairCount);
  }
  return median(rounds);
}

function measureDriver(device: CudaDevice, sizeBytes: number): number {
  const { driver } = device;
  const { functions } = driver;
  const out = new BigUint64Array(1);
  device.context.makeCurrent();
  return nsPerPair(200, () => {
    driver.check(functions.cuMemAlloc_v2(out, sizeBytes), "cuMemAlloc_v2");
    driver.check(functions.cuMemFree_v2(out[0] ?? 0n), "cuMemFree_v2");
  });
}

/** Stream-ordered, on one stream, never synchronised in a round: the driver's best case. */
function measureDriverAsync(device: CudaDevice, sizeBytes: number): number | undefined {
  const { driver } = device;
  const { cuMemAllocAsync, cuMemFreeAsync } = driver.optional;
  if (!device.hasMemoryPools || cuMemAllocAsync === undefined || cuMemFreeAsync === undefined) {
    return undefined;
  }
  using stream = device.createStream();
  const { handle } = stream;
  const out = new BigUint64Array(1);
  const ns = nsPerPair(2000, () => {
    driver.check(cuMemAllocAsync(out, sizeBytes, handle), "cuMemAllocAsync");
    driver.check(cuMemFreeAsync(out[0] ?? 0n, handle), "cuMemFreeAsync");
  });
  stream.synchronizeBlocking();
  return ns;
}

function compare(device: CudaDevice, sizeBytes: number) {
  using pool = createCudaMemoryPool({ device });
  using tracked = createCudaMemoryPool({ device, ledger: createMemoryTracker() });
  const request = { sizeBytes, tag: { model: "benchmark", purpose: "workspace" } as const };
  const poolNs = measurePairs(pool, sizeBytes).nsPerPair;
  const trackedNs = measurePairs(tracked, sizeBytes).nsPerPair;
  let sum = 0n;
  const withPointerNs = nsPerPair(20_000, () => {
    const block = pool.allocate(request);
    sum ^= block.devicePointer;
    block.dispose();
  });
  if (sum < 0n) throw new Error("a device pointer is not negative");
  const driverNs = measureDriver(device, sizeBytes);
  const driverAsyncNs = measureDriverAsync(device, sizeBytes);
  return {
    sizeBytes,
    poolNs,
    trackedNs,
    withPointerNs,
    driverNs,
    driverAsyncNs,
    timesFasterThanDriver: driverNs / poolNs,
    timesFasterThanDriverAsync: driverAsyncNs === undefined ? undefined : driverAsyncNs / poolNs,
  };
}

const { device, subject } = openCuda(options);
const pairs = sizes.map((sizeBytes) => compare(device, sizeBytes));

function measureAllHits() {
  using pool = createCudaMemoryPool({ device });
  return measureHits(pool);
}
const hits = device.totalBytes > 8 * 2 ** 30 ? measureAllHits() : [];

const stepCount = options.steps;
const full = { ...llama8b, stepCount };
const shape = measureDemand(full).peakBytes < device.freeBytes() * 0.9 ? full : { ...llamaSmall, stepCount };
const demand = measureDemand(shape);
const limitBytes = Math.ceil(demand.peakBytes / 0.95);
/** With a second stream in the pool, events order reuse and what a stream freed is its own for a while. */
function traceOn(arenaKind: "virtual" | "plain", streamCount: 1 | 2) {
  using pool = createCudaMemoryPool({ device, arenaKind, limitBytes });
  using other = device.createStream();
  if (streamCount === 2) {
    const request = { sizeBytes: 256, tag: { model: "benchmark", purpose: "other" } as const };
    pool.allocate(request).dispose();
    pool.allocate({ ...request, stream: other }).dispose();
  }
  return { arenaKind, streamCount, limitBytes, ...measureTrace(pool, shape) };
}
const arenaKinds = device.hasVirtualMemoryManagement ? (["virtual", "plain"] as const) : (["plain"] as const);
const fits = limitBytes < device.freeBytes() * 0.95;
const traces = fits ? arenaKinds.flatMap((kind) => [traceOn(kind, 1), traceOn(kind, 2)]) : [];
device.dispose();

if (options.output !== undefined) {
  writeReport(options.output, "micro/cuda-pool", { subject, pairs, hits, shape, demand, traces });
}
const ns = (value: number | undefined): string => (value === undefined ? "–" : value.toFixed(0));
const times = (value: number | undefined): string => (value === undefined ? "–" : `${value.toFixed(1)} ×`);
const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
process.stdout.write(
  `${subject.device}, CUDA ${subject.cudaVersion}; ns for one allocate and one free\n` +
    `${formatTable(
      [
        "size",
        "pool",
        "with ledger",
        "with pointer",
        "cuMemAlloc",
        "cuMemAllocAsync",
        "faster",
        "faster than async",
      ],
      pairs.map((pair) => [
        formatBytes(pair.sizeBytes),
        ns(pair.poolNs),
        ns(pair.trackedNs),
        ns(pair.withPointerNs),
        ns(pair.driverNs),
        ns(pair.driverAsyncNs),
        times(pair.timesFasterThanDriver),
        times(pair.timesFasterThanDriverAsync),
      ]),
    )}\n\n` +
    `${formatTable(
      ["hit", "ns"],
      hits.map((hit) => [hit.name, ns(hit.nsPerPair)]),
    )}\n\n` +
    `${stepCount} steps of a server, ${demand.operationCount} operations, limit = peak ÷ 0.95` +
    `${fits ? "" : `: ${formatBytes(limitBytes)} are not free on this device`}\n` +
    `${formatTable(
      [
        "arenas",
        "streams",
        "peak used",
        "peak arenas",
        "taken in excess",
        "failures",
        "of those that fit",
        "ns/op",
      ],
      traces.map((trace) => [
        trace.arenaKind,
        String(trace.streamCount),
        formatBytes(trace.peakInUseBytes),
        formatBytes(trace.peakArenaBytes),
        percent(trace.overhead),
        String(trace.failureCount),
        String(trace.fittingFailureCount),
        ns(trace.nsPerOperation),
      ]),
    )}\n`,
);
