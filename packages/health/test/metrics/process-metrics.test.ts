import { register } from "prom-client";
import { expect, test } from "vitest";
import { createMetrics, createProcessMetrics, createSeriesScope } from "../../src/index.ts";
import { parsePrometheusText, valueOf } from "../../../../test/support/prometheus-text.ts";

test("shares one valid scrape with other metrics, outside the global registry", async () => {
  const metrics = createMetrics();
  createProcessMetrics({ registry: metrics.registry });
  createSeriesScope(metrics.registry).counter({ name: "http_requests_total", help: "Requests." });
  const families = parsePrometheusText(await metrics.render());
  expect(valueOf(families, "process_resident_memory_bytes")).toBeGreaterThan(0);
  expect(families.has("http_requests_total")).toBe(true);
  expect(register.getMetricsAsArray()).toEqual([]);
  expect(() => createProcessMetrics({ registry: metrics.registry })).toThrow(
    expect.objectContaining({ code: "METRIC_CONFLICT" }),
  );
});
