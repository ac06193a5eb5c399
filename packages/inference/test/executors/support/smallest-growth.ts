import { collectGarbage } from "./collect-garbage.ts";

/**
 * The smallest growth of the process's memory over a run, in MiB, of several runs after a first one. A leak grows with
 * every run; what an allocator or the garbage collector keeps for later does not. Ends at a run below the limit.
 */
export async function smallestGrowthMiB(limitMiB: number, run: () => Promise<void>): Promise<number> {
  let smallestMiB = Infinity;
  let beforeMiB = await residentMiBAfter(run);
  for (let round = 0; round < 4 && smallestMiB >= limitMiB; round += 1) {
    const afterMiB = await residentMiBAfter(run);
    smallestMiB = Math.min(smallestMiB, afterMiB - beforeMiB);
    beforeMiB = afterMiB;
  }
  return smallestMiB;
}

async function residentMiBAfter(run: () => Promise<void>): Promise<number> {
  await run();
  await collectGarbage();
  return process.memoryUsage.rss() / 2 ** 20;
}
