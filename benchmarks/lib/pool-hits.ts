import type { AllocationTag, GpuAllocator, MemoryBlock } from "@infernode/memory";
import { createRandom } from "./random.ts";
import { median } from "./statistics.ts";

const benchmarkTag: AllocationTag = { model: "benchmark", purpose: "workspace" };
const roundCount = 15;

export interface HitResult {
  readonly name: string;
  /** One allocation and free, median of the rounds. */
  readonly nsPerPair: number;
}

function nsPerPair(pairCount: number, run: () => void): number {
  const rounds: number[] = [];
  run();
  run();
  for (let round = 0; round < roundCount; round += 1) {
    const startedAt = performance.now();
    run();
    rounds.push(((performance.now() - startedAt) * 1e6) / pairCount);
  }
  return median(rounds);
}

/** Allocates and frees repeatedly, as the workspace of a step. */
export function measurePairs(pool: GpuAllocator, sizeBytes: number): HitResult {
  const pairCount = 20_000;
  const request = { sizeBytes, tag: benchmarkTag };
  pool.allocate(request).dispose();
  const ns = nsPerPair(pairCount, () => {
    for (let pair = 0; pair < pairCount; pair += 1) pool.allocate(request).dispose();
  });
  return { name: `allocate and free ${sizeBytes} B`, nsPerPair: ns };
}

/** Replaces random ones of many live blocks, as a cache does. `sizeOf` returns bytes for a number in [0, 1). */
function measureChurn(
  pool: GpuAllocator,
  options: { readonly name: string; readonly liveCount: number; sizeOf(at: number): number },
): HitResult {
  const random = createRandom(1);
  const pairCount = 20_000;
  const requests = Array.from({ length: pairCount }, () => ({
    sizeBytes: Math.max(1, Math.floor(options.sizeOf(random()))),
    tag: benchmarkTag,
  }));
  const victims = Int32Array.from({ length: pairCount }, () => Math.floor(random() * options.liveCount));
  const live: MemoryBlock[] = requests.slice(0, options.liveCount).map((request) => pool.allocate(request));
  const ns = nsPerPair(pairCount, () => {
    for (let pair = 0; pair < pairCount; pair += 1) {
      const at = victims[pair] ?? 0;
      live[at]?.dispose();
      live[at] = pool.allocate(requests[pair] ?? { sizeBytes: 1, tag: benchmarkTag });
    }
  });
  for (const block of live) block.dispose();
  return { name: options.name, nsPerPair: ns };
}

/** The hits that every pool is measured with. */
export function measureHits(pool: GpuAllocator): readonly HitResult[] {
  const logarithmic = (least: number, most: number) => (at: number) => least * (most / least) ** at;
  return [
    ...[256, 4096, 65_536, 2 ** 21, 2 ** 26].map((sizeBytes) => measurePairs(pool, sizeBytes)),
    measureChurn(pool, { name: "replace 1 of 1000 blocks of 2 MiB", liveCount: 1000, sizeOf: () => 2 ** 21 }),
    measureChurn(pool, {
      name: "replace 1 of 4000, 256 B to 32 KiB",
      liveCount: 4000,
      sizeOf: logarithmic(256, 2 ** 15),
    }),
    measureChurn(pool, {
      name: "replace 1 of 1000, 64 KiB to 4 MiB",
      liveCount: 1000,
      sizeOf: logarithmic(2 ** 16, 2 ** 22),
    }),
  ];
}
