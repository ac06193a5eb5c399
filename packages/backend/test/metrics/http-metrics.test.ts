import { createMetrics } from "@infernode/health";
import { expect, test } from "vitest";
import { createHttpMetrics } from "../../src/metrics/http-metrics.ts";
import { parsePrometheusText, valueOf } from "../../../../test/support/prometheus-text.ts";

const sample = {
  handler: "/v1/chat/completions",
  method: "POST",
  status: 200,
  durationMs: 1500,
  requestBytes: 300,
  responseBytes: 9000,
};

test("counts requests by status class and responses by code", async () => {
  const metrics = createMetrics();
  const group = createHttpMetrics(metrics.registry);
  group.observe(sample);
  group.observe({ ...sample, status: 429 });
  group.observe({ ...sample, status: 400 });
  const families = parsePrometheusText(await metrics.render());
  const labels = { handler: "/v1/chat/completions", method: "POST" };
  expect(valueOf(families, "http_requests_total", { ...labels, status: "2xx" })).toBe(1);
  expect(valueOf(families, "http_requests_total", { ...labels, status: "4xx" })).toBe(2);
  expect(valueOf(families, "infernode_http_responses_total", { ...labels, code: "429" })).toBe(1);
});

test("observes seconds and bytes by route", async () => {
  const metrics = createMetrics();
  const group = createHttpMetrics(metrics.registry);
  group.observe(sample);
  group.observe({ ...sample, handler: 'odd"\nroute' });
  const families = parsePrometheusText(await metrics.render());
  expect(
    valueOf(families, "http_request_duration_seconds_sum", { handler: sample.handler, method: "POST" }),
  ).toBe(1.5);
  expect(valueOf(families, "http_request_size_bytes_sum", { handler: sample.handler })).toBe(300);
  expect(valueOf(families, "http_response_size_bytes_sum", { handler: 'odd"\nroute' })).toBe(9000);
  expect(valueOf(families, "http_response_size_bytes_bucket", { handler: sample.handler, le: "4096" })).toBe(
    0,
  );
  expect(valueOf(families, "http_response_size_bytes_bucket", { handler: sample.handler, le: "16384" })).toBe(
    1,
  );
});
