// How fast bytes go to a GPU and back: pinned and pageable memory, beside the fastest that any size reached.
// `npm run bench -- micro/cuda-copy [--ordinal 0] [--output file.json] [--stand-in library.so]`
import { formatBytes } from "@infernode/memory";
import { createCudaMemoryPool, type CudaMemoryBlock } from "@infernode/memory/cuda";
import { openCuda, parseCudaOptions } from "../lib/open-cuda.ts";
import { createRandom } from "../lib/random.ts";
import { writeReport } from "../lib/report.ts";
import { median } from "../lib/statistics.ts";
import { formatTable } from "../lib/table.ts";

const options = parseCudaOptions();

const roundCount = 9;
const { device, subject } = openCuda(options);
const largestBytes = subject.isStandIn ? 2 ** 24 : 2 ** 28;
const sizes = [2 ** 16, 2 ** 20, 2 ** 24, 2 ** 26, 2 ** 28].filter((sizeBytes) => sizeBytes <= largestBytes);
const tag = { model: "benchmark", purpose: "other" } as const;

/** GB/s, median of rounds; small copies are repeated within a round. */
function measure(sizeBytes: number, copy: () => void): number {
  const repeats = Math.max(1, Math.floor(2 ** 26 / sizeBytes));
  const rounds: number[] = [];
  for (let round = 0; round <= roundCount; round += 1) {
    const startedAt = performance.now();
    for (let repeat = 0; repeat < repeats; repeat += 1) copy();
    device.defaultStream.synchronizeBlocking();
    if (round > 0) rounds.push((sizeBytes * repeats) / 1e6 / (performance.now() - startedAt));
  }
  return median(rounds);
}

function fillRandomly(bytes: Uint8Array): void {
  const random = createRandom(1);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
  for (let index = 0; index < words.length; index += 1) words[index] = random() * 2 ** 32;
}

const pinned = device.createPinnedBuffer(largestBytes);
const pageable = new Uint8Array(largestBytes);
fillRandomly(pinned.bytes);
pageable.set(pinned.bytes);
const pool = createCudaMemoryPool({ device });
const source: CudaMemoryBlock = pool.allocate({ sizeBytes: largestBytes, tag });
const target: CudaMemoryBlock = pool.allocate({ sizeBytes: largestBytes, tag });
const rows = sizes.map((sizeBytes) => {
  const fast = pinned.bytes.subarray(0, sizeBytes);
  const slow = pageable.subarray(0, sizeBytes);
  return {
    sizeBytes,
    pinnedToDevice: measure(sizeBytes, () => device.copyToDevice(target, fast)),
    pageableToDevice: measure(sizeBytes, () => device.copyToDevice(target, slow)),
    pinnedToHost: measure(sizeBytes, () => device.copyToHost(fast, target)),
    pageableToHost: measure(sizeBytes, () => device.copyToHost(slow, target)),
    onDevice: measure(sizeBytes, () => device.copyOnDevice(target, source, { sizeBytes })),
  };
});

/** What the bus gives: raw calls of the driver with the largest size, nothing of this package between. */
function measureBus(): { readonly toDevice: number; readonly toHost: number } {
  const { driver } = device;
  const { functions } = driver;
  const { bytes } = pinned;
  const at = target.devicePointer;
  device.context.makeCurrent();
  return {
    toDevice: measure(largestBytes, () =>
      driver.check(functions.cuMemcpyHtoDAsync_v2(at, bytes, largestBytes, 0n), "cuMemcpyHtoDAsync_v2"),
    ),
    toHost: measure(largestBytes, () =>
      driver.check(functions.cuMemcpyDtoHAsync_v2(bytes, at, largestBytes, 0n), "cuMemcpyDtoHAsync_v2"),
    ),
  };
}
const bus = measureBus();
const best = rows.at(-1);
const shareOfBus = {
  toDevice: (best?.pinnedToDevice ?? Number.NaN) / bus.toDevice,
  toHost: (best?.pinnedToHost ?? Number.NaN) / bus.toHost,
};
source.dispose();
target.dispose();
pool.dispose();
pinned.dispose();
device.dispose();
if (options.output !== undefined) {
  writeReport(options.output, "micro/cuda-copy", { subject, gigabytesPerSecond: rows, bus, shareOfBus });
}
const rate = (value: number): string => value.toFixed(1);
process.stdout.write(
  `${subject.device}, CUDA ${subject.cudaVersion}; GB/s\n` +
    `${formatTable(
      ["size", "pinned →", "pageable →", "pinned ←", "pageable ←", "on the device"],
      rows.map((row) => [
        formatBytes(row.sizeBytes),
        rate(row.pinnedToDevice),
        rate(row.pageableToDevice),
        rate(row.pinnedToHost),
        rate(row.pageableToHost),
        rate(row.onDevice),
      ]),
    )}\n` +
    `the driver alone: → ${rate(bus.toDevice)}, ← ${rate(bus.toHost)}; ` +
    `reached → ${(shareOfBus.toDevice * 100).toFixed(1)} %, ← ${(shareOfBus.toHost * 100).toFixed(1)} %\n`,
);
