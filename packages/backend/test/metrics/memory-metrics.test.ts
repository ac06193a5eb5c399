import { createMetrics } from "@infernode/health";
import { expect, test } from "vitest";
import { createMemoryMetrics } from "../../src/metrics/memory-metrics.ts";
import { parsePrometheusText, valueOf } from "../../../../test/support/prometheus-text.ts";

const pool = {
  deviceId: "cpu",
  inUseBytes: 100,
  arenaBytes: 200,
  reservedBytes: 50,
  peakInUseBytes: 150,
  limitBytes: 1000,
  liveBlockCount: 3,
  fragmentation: 0.25,
};

test("publishes each pool by device", async () => {
  const metrics = createMetrics();
  const group = createMemoryMetrics(metrics.registry);
  group.pool(pool);
  group.pool({ ...pool, deviceId: "cuda:0", inUseBytes: 7 });
  group.pool({ ...pool, inUseBytes: 90 });
  const families = parsePrometheusText(await metrics.render());
  expect(valueOf(families, "infernode_memory_in_use_bytes", { device: "cpu" })).toBe(90);
  expect(valueOf(families, "infernode_memory_in_use_bytes", { device: "cuda:0" })).toBe(7);
  expect(valueOf(families, "infernode_memory_peak_in_use_bytes", { device: "cpu" })).toBe(150);
  expect(valueOf(families, "infernode_memory_fragmentation_ratio", { device: "cpu" })).toBe(0.25);
  expect(families.size).toBe(7);
});

test("the ledger is replaced: a model that is unloaded leaves", async () => {
  const metrics = createMetrics();
  const group = createMemoryMetrics(metrics.registry);
  group.ledger([
    { model: "tiny", purpose: "weights", plannedBytes: 10, measuredBytes: 11 },
    { model: "tiny", purpose: "kv-cache", plannedBytes: 20, measuredBytes: 20 },
    { model: "other", purpose: "weights", plannedBytes: 30, measuredBytes: 30 },
  ]);
  group.ledger([{ model: "tiny", purpose: "weights", plannedBytes: 10, measuredBytes: 12 }]);
  const families = parsePrometheusText(await metrics.render());
  expect(families.get("infernode_model_memory_measured_bytes")?.samples).toEqual([
    {
      name: "infernode_model_memory_measured_bytes",
      labels: { model_name: "tiny", purpose: "weights" },
      value: 12,
    },
  ]);
  expect(families.get("infernode_model_memory_planned_bytes")?.samples).toHaveLength(1);
});
