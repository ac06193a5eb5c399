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

const tiny = { model: "tiny", engine: "0" };
const other = { model: "other", engine: "1" };

test("publishes the pool of each engine by device", async () => {
  const metrics = createMetrics();
  const group = createMemoryMetrics(metrics.registry);
  group.pool(pool, tiny);
  group.pool({ ...pool, deviceId: "cuda:0", inUseBytes: 7 }, tiny);
  group.pool({ ...pool, inUseBytes: 90 }, tiny);
  group.pool({ ...pool, inUseBytes: 5 }, other);
  const families = parsePrometheusText(await metrics.render());
  expect(
    valueOf(families, "infernode_memory_in_use_bytes", { model_name: "tiny", engine: "0", device: "cpu" }),
  ).toBe(90);
  expect(
    valueOf(families, "infernode_memory_in_use_bytes", { model_name: "other", engine: "1", device: "cpu" }),
  ).toBe(5);
  expect(
    valueOf(families, "infernode_memory_in_use_bytes", { model_name: "tiny", engine: "0", device: "cuda:0" }),
  ).toBe(7);
  expect(
    valueOf(families, "infernode_memory_peak_in_use_bytes", {
      model_name: "tiny",
      engine: "0",
      device: "cpu",
    }),
  ).toBe(150);
  expect(
    valueOf(families, "infernode_memory_fragmentation_ratio", {
      model_name: "tiny",
      engine: "0",
      device: "cpu",
    }),
  ).toBe(0.25);
  expect(families.size).toBe(7);
});

test("replaces the ledger series, so an unloaded model disappears", async () => {
  const metrics = createMetrics();
  const group = createMemoryMetrics(metrics.registry);
  group.ledger([
    { ...tiny, deviceId: "cpu", purpose: "weights", plannedBytes: 10, measuredBytes: 11 },
    { ...tiny, deviceId: "cuda:0", purpose: "kv-cache", plannedBytes: 20, measuredBytes: 20 },
    { ...other, deviceId: "cpu", purpose: "weights", plannedBytes: 30, measuredBytes: 30 },
  ]);
  group.ledger([{ ...tiny, deviceId: "cpu", purpose: "weights", plannedBytes: 10, measuredBytes: 12 }]);
  const families = parsePrometheusText(await metrics.render());
  expect(families.get("infernode_model_memory_measured_bytes")?.samples).toEqual([
    {
      name: "infernode_model_memory_measured_bytes",
      labels: { model_name: "tiny", engine: "0", device: "cpu", purpose: "weights" },
      value: 12,
    },
  ]);
  expect(families.get("infernode_model_memory_planned_bytes")?.samples).toHaveLength(1);
});
