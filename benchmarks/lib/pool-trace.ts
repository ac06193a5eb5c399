import type { GpuAllocator, MemoryBlock, MemoryPurpose } from "@infernode/memory";
import { replayServing, type ServingShape } from "../workloads/serving-trace.ts";
import { quantile } from "./statistics.ts";

/** What the trace allocates, from any allocator. */
export interface TraceDemand {
  readonly operationCount: number;
  /** The most bytes live at once, each allocation rounded up to 256. */
  readonly peakBytes: number;
}

export interface TraceResult {
  readonly seconds: number;
  readonly nsPerOperation: number;
  readonly peakInUseBytes: number;
  readonly peakArenaBytes: number;
  /** 1 − peak in use ÷ peak of the arenas: the pool's overhead. */
  readonly overhead: number;
  readonly failureCount: number;
  /** Failed requests for no more than was free in total. */
  readonly fittingFailureCount: number;
  /** `PoolStats.fragmentation` after every hundredth step. */
  readonly fragmentation: { readonly median: number; readonly p99: number; readonly max: number };
}

/** Runs the trace without an allocator, to know what it needs. */
export function measureDemand(shape: ServingShape): TraceDemand {
  const sizes: number[] = [];
  let liveBytes = 0;
  let peakBytes = 0;
  let operationCount = 0;
  replayServing(shape, {
    take(id, sizeBytes) {
      const rounded = Math.ceil(sizeBytes / 256) * 256;
      sizes[id] = rounded;
      liveBytes += rounded;
      peakBytes = Math.max(peakBytes, liveBytes);
      operationCount += 1;
    },
    give(id) {
      liveBytes -= sizes[id] ?? 0;
      operationCount += 1;
    },
    stepDone() {},
  });
  return { operationCount, peakBytes };
}

/** Runs the trace against a pool; refused allocations are counted and skipped. */
export function measureTrace(pool: GpuAllocator, shape: ServingShape): TraceResult {
  const blocks: (MemoryBlock | undefined)[] = [];
  const samples: number[] = [];
  const tags = new Map<MemoryPurpose, { model: string; purpose: MemoryPurpose }>();
  let peakArenaBytes = 0;
  let failureCount = 0;
  let fittingFailureCount = 0;
  let operationCount = 0;
  const startedAt = performance.now();
  replayServing(shape, {
    take(id, sizeBytes, purpose) {
      let tag = tags.get(purpose);
      if (tag === undefined) tags.set(purpose, (tag = { model: "trace", purpose }));
      operationCount += 1;
      try {
        blocks[id] = pool.allocate({ sizeBytes, tag });
      } catch {
        const { limitBytes, inUseBytes } = pool.stats();
        blocks[id] = undefined;
        failureCount += 1;
        if (limitBytes - inUseBytes >= Math.ceil(sizeBytes / 256) * 256) fittingFailureCount += 1;
      }
    },
    give(id) {
      operationCount += 1;
      blocks[id]?.dispose();
      blocks[id] = undefined;
    },
    stepDone(step) {
      if (step % 100 !== 0) return;
      const stats = pool.stats();
      samples.push(stats.fragmentation);
      peakArenaBytes = Math.max(peakArenaBytes, stats.arenaBytes);
    },
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const { peakInUseBytes, arenaBytes } = pool.stats();
  peakArenaBytes = Math.max(peakArenaBytes, arenaBytes);
  for (const block of blocks) block?.dispose();
  return {
    seconds,
    nsPerOperation: (seconds * 1e9) / operationCount,
    peakInUseBytes,
    peakArenaBytes,
    overhead: 1 - peakInUseBytes / peakArenaBytes,
    failureCount,
    fittingFailureCount,
    fragmentation: {
      median: quantile(samples, 0.5),
      p99: quantile(samples, 0.99),
      max: Math.max(...samples),
    },
  };
}
