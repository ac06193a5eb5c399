import type { CudaMemoryPool } from "@infernode/memory/cuda";
import { assertKnownKeys } from "../../assert-options.ts";
import { assertCudaPool } from "../step/assert-device.ts";

const mib = 2 ** 20;
const tag = { model: "check", purpose: "workspace" } as const;

/** How fast the memory of a device is. */
export interface CopySpeed {
  /** Bytes of one copy. */
  readonly sizeBytes: number;
  /** Bytes read and written in a second, the median of the rounds. */
  readonly bytesPerSecond: number;
  /** The distance between the quartiles, as a share of the median. */
  readonly spread: number;
}

export interface CopyOptions {
  readonly pool: CudaMemoryPool;
  /** [256 MiB, or an eighth of what is free] */
  readonly sizeBytes?: number;
  /** Behind one that warms up. [9] */
  readonly rounds?: number;
  /** Between two events. [4] */
  readonly copiesPerRound?: number;
}

/**
 * Measures copies within the memory of a device with the events of its driver: the most that a kernel can get of it.
 * @throws InferenceError `INVALID_EXECUTOR_OPTIONS`; MemoryError `OUT_OF_MEMORY`; CudaError `CUDA_ERROR`
 */
export function measureCopies(options: CopyOptions): CopySpeed {
  assertKnownKeys(options, ["pool", "sizeBytes", "rounds", "copiesPerRound"]);
  const { pool, rounds = 9, copiesPerRound = 4 } = options;
  assertCudaPool(pool);
  const { device } = pool;
  const sizeBytes = options.sizeBytes ?? Math.min(256 * mib, Math.floor(device.freeBytes() / 8 / mib) * mib);
  using stream = device.createStream();
  using from = pool.allocate({ sizeBytes, tag, stream });
  using to = pool.allocate({ sizeBytes, tag, stream });
  using start = device.createEvent({ isTimed: true });
  using end = device.createEvent({ isTimed: true });
  device.fill(from, 1, { stream });
  const speeds: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    stream.record(start);
    for (let copy = 0; copy < copiesPerRound; copy += 1) device.copyOnDevice(to, from, { stream, sizeBytes });
    stream.record(end);
    end.synchronizeBlocking();
    const seconds = end.millisecondsSince(start) / 1000;
    if (round > 0) speeds.push((2 * sizeBytes * copiesPerRound) / seconds);
  }
  const sorted = speeds.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  const bytesPerSecond = at(0.5);
  return { sizeBytes, bytesPerSecond, spread: (at(0.75) - at(0.25)) / bytesPerSecond };
}
