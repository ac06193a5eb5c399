import { Registry } from "prom-client";

export type { Registry as MetricRegistry } from "prom-client";

/** Metrics that can be written out in Prometheus' text format. */
export interface Metrics {
  /** Shared by every group of metrics that shall appear in one answer; never prom-client's global one. */
  readonly registry: Registry;
  /** The value of the `Content-Type` header for `render`. */
  readonly contentType: string;
  /** Writes everything in the registry. */
  render(): Promise<string>;
}

/**
 * Creates metrics over a registry of their own, or over one that is given.
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/ for the format
 */
export function createMetrics(registry: Registry = new Registry()): Metrics {
  return {
    registry,
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
    async render() {
      // prom-client writes "Nan" where the format has "NaN".
      return (await registry.metrics()).replaceAll(/ Nan$/gm, " NaN");
    },
  };
}
