import { createSeriesScope, type MetricRegistry, type SeriesScope } from "@infernode/health";
import type { EngineLabels } from "@infernode/inference";
import type { PoolStats } from "@infernode/memory";

/** The statistics of a memory pool that the metrics use. */
export type MemoryPoolSample = Omit<PoolStats, "allocationCount" | "largestFreeBytes">;

/** The memory of an engine for one purpose. */
export interface MemoryLedgerSample extends EngineLabels {
  readonly deviceId: string;
  /** Such as `weights` or `kv-cache`. */
  readonly purpose: string;
  readonly plannedBytes: number;
  readonly measuredBytes: number;
}

/** Metrics of memory pools and of the memory ledger. */
export interface MemoryMetrics {
  /** Sets the gauges of an engine's pool. */
  pool(sample: MemoryPoolSample, labels: EngineLabels): void;
  /** Replaces the ledger series; missing entries are removed. */
  ledger(samples: readonly MemoryLedgerSample[]): void;
}

/** Creates memory metrics. */
export function createMemoryMetrics(registry: MetricRegistry): MemoryMetrics {
  const setPool = createPoolGauges(createSeriesScope(registry));
  let ledgerScope: SeriesScope | undefined;

  return {
    pool: setPool,
    ledger(samples) {
      ledgerScope?.dispose();
      ledgerScope = createSeriesScope(registry);
      const labelNames = ["model_name", "engine", "device", "purpose"];
      const planned = ledgerScope.gauge({
        name: "infernode_model_memory_planned_bytes",
        help: "Bytes planned for a model before loading, by purpose.",
        labelNames,
      });
      const measured = ledgerScope.gauge({
        name: "infernode_model_memory_measured_bytes",
        help: "Bytes that a model uses, by purpose.",
        labelNames,
      });
      for (const { model, engine, deviceId, purpose, plannedBytes, measuredBytes } of samples) {
        const labels = { model_name: model, engine, device: deviceId, purpose };
        planned(plannedBytes, labels);
        measured(measuredBytes, labels);
      }
    },
  };
}

function createPoolGauges(scope: SeriesScope): MemoryMetrics["pool"] {
  const gauge = (name: string, help: string) =>
    scope.gauge({ name, help, labelNames: ["model_name", "engine", "device"] });
  const inUse = gauge("infernode_memory_in_use_bytes", "Bytes in live blocks.");
  const arena = gauge("infernode_memory_arena_bytes", "Bytes allocated from the device, in use or not.");
  const reserved = gauge("infernode_memory_reserved_bytes", "Bytes reserved and not yet allocated.");
  const peak = gauge("infernode_memory_peak_in_use_bytes", "Peak bytes in live blocks.");
  const limit = gauge("infernode_memory_limit_bytes", "Maximum bytes of the pool.");
  const blocks = gauge("infernode_memory_live_blocks", "Live blocks.");
  const fragmentation = gauge(
    "infernode_memory_fragmentation_ratio",
    "1 minus the largest free block over all free bytes in arenas.",
  );
  return (sample, { model, engine }) => {
    const labels = { model_name: model, engine, device: sample.deviceId };
    inUse(sample.inUseBytes, labels);
    arena(sample.arenaBytes, labels);
    reserved(sample.reservedBytes, labels);
    peak(sample.peakInUseBytes, labels);
    limit(sample.limitBytes, labels);
    blocks(sample.liveBlockCount, labels);
    fragmentation(sample.fragmentation, labels);
  };
}
