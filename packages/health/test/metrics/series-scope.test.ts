import { Counter, Gauge, register } from "prom-client";
import { expect, test } from "vitest";
import { createMetrics, createSeriesScope } from "../../src/index.ts";
import { parsePrometheusText, valueOf } from "../../../../test/support/prometheus-text.ts";

const requests = { name: "requests_total", help: "Requests." };

test("a series without labels of its own exists before anything is recorded", async () => {
  const metrics = createMetrics();
  const scope = createSeriesScope(metrics.registry, { service: "a" });
  scope.counter(requests);
  scope.gauge({ name: "depth", help: "Depth." });
  scope.histogram({ name: "size", help: "Sizes.", buckets: [1, 2] });
  const families = parsePrometheusText(await metrics.render());
  for (const name of ["requests_total", "depth", "size_count"]) {
    expect([name, valueOf(families, name, { service: "a" })]).toEqual([name, 0]);
  }
});

test("adds to counters, sets gauges and observes values, by labels", async () => {
  const metrics = createMetrics();
  const scope = createSeriesScope(metrics.registry);
  const count = scope.counter({ ...requests, labelNames: ["code"] });
  const set = scope.gauge({ name: "depth", help: "Depth." });
  const observe = scope.histogram({ name: "size", help: "Sizes.", buckets: [1, 2] });
  count(1, { code: "200" });
  count(2, { code: "200" });
  count(1, { code: "404" });
  set(7);
  set(5);
  observe(1.5);
  observe(0.5, undefined, 64);
  const families = parsePrometheusText(await metrics.render());
  expect(valueOf(families, "requests_total", { code: "200" })).toBe(3);
  expect(valueOf(families, "requests_total", { code: "404" })).toBe(1);
  expect(valueOf(families, "depth")).toBe(5);
  expect(valueOf(families, "size_bucket", { le: "1" })).toBe(64);
  expect(valueOf(families, "size_bucket", { le: "2" })).toBe(65);
  expect(valueOf(families, "size_sum")).toBe(33.5);
});

test("scopes share families, and each is disposed without the others", async () => {
  const metrics = createMetrics();
  const first = createSeriesScope(metrics.registry, { service: "a" });
  const second = createSeriesScope(metrics.registry, { service: "b" });
  const countFirst = first.counter(requests);
  second.counter(requests)(2);
  countFirst(1);
  first.dispose();
  first.dispose();
  countFirst(5);
  const families = parsePrometheusText(await metrics.render());
  expect(families.get("requests_total")?.samples).toEqual([
    { name: "requests_total", labels: { service: "b" }, value: 2 },
  ]);
});

test("never touches the global registry", () => {
  createSeriesScope(createMetrics().registry).counter(requests);
  expect(register.getMetricsAsArray()).toEqual([]);
});

test("refuses a registry that has the name with another type", () => {
  const { registry, contentType } = createMetrics();
  new Gauge({ name: requests.name, help: "taken", registers: [registry] }).set(1);
  expect(() => createSeriesScope(registry).counter(requests)).toThrow(
    expect.objectContaining({
      code: "METRIC_CONFLICT",
      message: expect.stringContaining("requests_total"),
    }),
  );
  expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
});

test("refuses a registry that has the name with other labels", () => {
  const { registry } = createMetrics();
  new Counter({ ...requests, labelNames: ["pod"], registers: [registry] }).inc({ pod: "a" });
  expect(() => createSeriesScope(registry).counter(requests)).toThrow(
    expect.objectContaining({ code: "METRIC_CONFLICT", message: expect.stringContaining("pod") }),
  );
});

test("refuses a label without a value", () => {
  expect(() => createSeriesScope(createMetrics().registry, { service: "" })).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining("service") }),
  );
});

test.each([[[]], [[2, 1]], [[1, 1]], [[Number.NaN]]])("refuses the bounds %j", (buckets) => {
  const scope = createSeriesScope(createMetrics().registry);
  expect(() => scope.histogram({ name: "size", help: "Sizes.", buckets })).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining("size") }),
  );
});
