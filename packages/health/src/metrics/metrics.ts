import type { Registry } from "prom-client";
import { promClient } from "./prom-client.ts";

export type { Registry as MetricRegistry } from "prom-client";

/** Metrics in Prometheus' text format. */
export interface Metrics {
  /** Shared by all metrics of one scrape; never prom-client's global registry. */
  readonly registry: Registry;
  /** The value of the `Content-Type` header for `render`. */
  readonly contentType: string;
  /** Renders all metrics of the registry. */
  render(): Promise<string>;
}

/**
 * Creates metrics over a registry, by default a new one.
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/ for the format
 */
export function createMetrics(registry: Registry = new (promClient().Registry)()): Metrics {
  return {
    registry,
    contentType: promClient().Registry.PROMETHEUS_CONTENT_TYPE,
    async render() {
      // prom-client writes "Nan" where the format has "NaN".
      return (await registry.metrics()).replaceAll(/ Nan$/gm, " NaN");
    },
  };
}
