import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { createEventLoopMetrics } from "../../src/index.ts";
import { parsePrometheusText, valueOf } from "../../../../test/support/prometheus-text.ts";

function block(durationMs: number): void {
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs);
}

/** Lets the measuring timer fire before and after what is measured. */
async function blockBetweenTicks(durationMs: number): Promise<void> {
  await setTimeout(50);
  block(durationMs);
  await setTimeout(50);
}

const delay = "infernode_event_loop_delay_seconds";

test("measures how long the loop was blocked and keeps the maximum over scrapes", async () => {
  using metrics = createEventLoopMetrics({ resolutionMs: 5 });
  await blockBetweenTicks(100);
  const first = parsePrometheusText(await metrics.render());
  const largest = valueOf(first, delay, { percentile: "100" });
  expect(largest).toBeGreaterThan(0.05);
  expect(valueOf(first, "infernode_event_loop_delay_max_seconds")).toBe(largest);
  expect(valueOf(first, delay, { percentile: "50" })).toBeLessThanOrEqual(
    valueOf(first, delay, { percentile: "99" }),
  );
  expect(metrics.maxDelayMs()).toBeCloseTo(largest * 1000, 6);

  await blockBetweenTicks(largest * 1000 + 100);
  const second = parsePrometheusText(await metrics.render());
  expect(valueOf(second, delay, { percentile: "100" })).toBeGreaterThan(largest);
  const third = parsePrometheusText(await metrics.render());
  const max = "infernode_event_loop_delay_max_seconds";
  expect(valueOf(third, max)).toBeGreaterThanOrEqual(valueOf(second, max));
});

test("resets the maximum at a restart", async () => {
  using metrics = createEventLoopMetrics({ resolutionMs: 5 });
  await blockBetweenTicks(100);
  const before = metrics.maxDelayMs();
  expect(before).toBeGreaterThan(50);
  metrics.restart();
  expect(metrics.maxDelayMs()).toBe(0);
});

test("a scrape before anything was measured is valid", async () => {
  using metrics = createEventLoopMetrics();
  const families = parsePrometheusText(await metrics.render());
  expect(valueOf(families, "infernode_event_loop_delay_max_seconds")).toBe(0);
});

test("exists in a registry once, and can be created again after dispose", () => {
  const first = createEventLoopMetrics();
  const options = { registry: first.registry };
  expect(() => createEventLoopMetrics(options)).toThrow(expect.objectContaining({ code: "METRIC_CONFLICT" }));
  first.dispose();
  createEventLoopMetrics(options).dispose();
  expect(first.registry.getMetricsAsArray()).toEqual([]);
});
