import { Histogram, Registry } from "prom-client";
import { expect, test } from "vitest";
import { HistogramFamily } from "../../src/metrics/histogram-family.ts";

const settings = { name: "size", help: "Sizes.", labelNames: ["model", "engine"], buckets: [0.5, 1, 2.5] };
const first = { model: 'a "quoted" one', engine: "0" };
const second = { model: "b", engine: "1" };

function open() {
  const registry = new Registry();
  return { registry, family: new HistogramFamily({ ...settings, registry }) };
}

/** The same in prom-client's own histogram. */
function openReference() {
  const registry = new Registry();
  return { registry, family: new Histogram({ ...settings, registers: [registry] }) };
}

test("is written as prom-client's own histogram, on and beside the bounds", async () => {
  const { registry, family } = open();
  const reference = openReference();
  family.zero(second);
  reference.family.zero(second);
  const observe = family.observer(first);
  for (const [value, count] of [
    [0.5, 1],
    [0.25, 3],
    [1.0001, 2],
    [2.5, 1],
    [100, 64],
  ] as const) {
    observe(value, count);
    for (let at = 0; at < count; at += 1) reference.family.observe(first, value);
  }
  const text = await registry.metrics();
  expect(text).toContain('size_bucket{le="+Inf",');
  expect(text.split("\n")).toEqual((await reference.registry.metrics()).split("\n"));
  expect(JSON.stringify(await registry.getMetricsAsJSON())).toContain("size_count");
});

test("a series that was removed begins again", async () => {
  const { registry, family } = open();
  const observe = family.observer(first);
  observe(1, 5);
  family.remove(first);
  expect(await registry.metrics()).not.toContain("size_count");
  observe(1, 2);
  expect(await registry.metrics()).toMatch(/size_count\{.*\} 2\n/);
  registry.resetMetrics();
  expect(await registry.metrics()).not.toContain("size_count");
});

test("refuses what is no number, and a name that the registry has", () => {
  const { registry, family } = open();
  expect(() => family.observer(first)(Number.NaN, 1)).toThrow(TypeError);
  expect(() => new HistogramFamily({ ...settings, registry })).toThrow("already been registered");
});
