import { createSeriesScope, type MetricRegistry } from "@infernode/health";
import type { StoreStats } from "../store/item-store.ts";
import { createTotalCounter } from "./total-counter.ts";

/** Metrics of the store of responses and conversations. */
export interface StoreMetrics {
  observe(stats: StoreStats): void;
}

/** Creates the metrics of a store. */
export function createStoreMetrics(registry: MetricRegistry): StoreMetrics {
  const scope = createSeriesScope(registry);
  const records = scope.gauge({
    name: "infernode_store_records",
    help: "Responses and conversations that are stored.",
    labelNames: ["kind"],
  });
  const bytes = scope.gauge({ name: "infernode_store_bytes", help: "Bytes of what is stored." });
  const evicted = createTotalCounter(
    scope.counter({
      name: "infernode_store_evictions_total",
      help: "Responses and conversations that were deleted because the store was full, or that were not used for too long.",
    }),
  );
  const failed = createTotalCounter(
    scope.counter({ name: "infernode_store_failed_writes_total", help: "Writes to the store that failed." }),
  );
  return {
    observe(stats) {
      records(stats.responses, { kind: "response" });
      records(stats.conversations, { kind: "conversation" });
      bytes(stats.bytes);
      evicted(stats.evicted);
      failed(stats.failedWrites);
    },
  };
}
