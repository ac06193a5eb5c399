import { createMetrics } from "@infernode/health";
import { expect, test } from "vitest";
import { createGpuMetrics } from "../../src/metrics/gpu-metrics.ts";
import { parsePrometheusText, valueOf } from "../../../../test/support/prometheus-text.ts";

const gpu = {
  index: 0,
  uuid: "GPU-1",
  name: "Test GPU",
  totalBytes: 1000,
  usedBytes: 400,
  freeBytes: 600,
  utilization: 0.5,
  memoryUtilization: 0.25,
  temperatureCelsius: 40,
  powerWatts: 75.5,
  powerLimitWatts: 700,
  eccErrors: { corrected: 3, uncorrected: 0 },
  isMigEnabled: true,
  processes: [1, 2].map((pid) => ({ pid, usedBytes: undefined, name: undefined })),
};
const labels = { uuid: "GPU-1", index: "0", name: "Test GPU" };

test("publishes each GPU by uuid, index and name", async () => {
  const metrics = createMetrics();
  const group = createGpuMetrics(metrics.registry);
  group.gpus([gpu, { ...gpu, index: 1, uuid: "GPU-2", usedBytes: 7 }]);
  const families = parsePrometheusText(await metrics.render());
  expect(families.size).toBe(12);
  expect(valueOf(families, "infernode_gpu_memory_used_bytes", labels)).toBe(400);
  expect(valueOf(families, "infernode_gpu_memory_used_bytes", { ...labels, uuid: "GPU-2", index: "1" })).toBe(
    7,
  );
  expect(valueOf(families, "infernode_gpu_power_watts", labels)).toBe(75.5);
  expect(valueOf(families, "infernode_gpu_ecc_corrected_errors", labels)).toBe(3);
  expect(valueOf(families, "infernode_gpu_mig_enabled", labels)).toBe(1);
  expect(valueOf(families, "infernode_gpu_processes", labels)).toBe(2);
});

test("omits missing values and removes GPUs that are gone", async () => {
  const metrics = createMetrics();
  const group = createGpuMetrics(metrics.registry);
  group.gpus([gpu, { ...gpu, index: 1, uuid: "GPU-2" }]);
  group.gpus([{ ...gpu, eccErrors: undefined, temperatureCelsius: undefined }]);
  const families = parsePrometheusText(await metrics.render());
  expect(families.get("infernode_gpu_memory_total_bytes")?.samples).toHaveLength(1);
  expect(families.get("infernode_gpu_ecc_corrected_errors")?.samples ?? []).toEqual([]);
  expect(families.get("infernode_gpu_temperature_celsius")?.samples ?? []).toEqual([]);
});

test("publishes nothing without a GPU", async () => {
  const metrics = createMetrics();
  const group = createGpuMetrics(metrics.registry);
  group.gpus([]);
  expect(parsePrometheusText(await metrics.render()).size).toBe(0);
});
