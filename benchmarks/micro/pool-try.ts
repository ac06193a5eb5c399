import { createHostMemoryPool } from "@infernode/memory";
import { LLAMA_8B, LLAMA_SMALL } from "../workloads/serving-trace.ts";
import { measureDemand, measureTrace } from "../lib/pool-trace.ts";
for (const shape of [LLAMA_SMALL, LLAMA_8B]) {
  const t = performance.now();
  const demand = measureDemand(shape);
  console.log(demand, performance.now() - t);
  for (const [limitBytes, arenaBytes] of [[2**40, 32*2**20], [Math.ceil(demand.peakBytes/0.95), 32*2**20],[Math.ceil(demand.peakBytes/0.95), Math.ceil(demand.peakBytes/0.95)]] as const) {
    using pool = createHostMemoryPool({ limitBytes, arenaBytes, retainBytes: Infinity });
    console.log(limitBytes, arenaBytes, measureTrace(pool, shape), pool.stats());
  }
}
