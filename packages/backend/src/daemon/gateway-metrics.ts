import { createEventLoopMetrics, createMetrics, createProcessMetrics } from "@infernode/health";
import type { GatewayMetrics } from "../gateway/proxy/gateway-server-options.ts";
import { createGatewayMetricFamilies, type GatewaySample } from "../metrics/gateway-metrics.ts";
import { createHttpMetrics } from "../metrics/http-metrics.ts";
import { createLogMetrics } from "../metrics/log-metrics.ts";
import {
  createRegistryMetrics,
  type RegistryMetrics,
  type RegistrySample,
} from "../metrics/registry-metrics.ts";

/** Creates the metrics of a gateway; what is passed is read at each scrape. */
export function createGatewayMetrics(options: {
  readonly sample: () => GatewaySample & { readonly registry: RegistrySample | undefined };
  readonly droppedLineCount: () => number;
}): GatewayMetrics & Disposable {
  const metrics = createMetrics();
  const { registry, contentType } = metrics;
  createProcessMetrics({ registry });
  const eventLoop = createEventLoopMetrics({ registry });
  const log = createLogMetrics(registry);
  const http = createHttpMetrics(registry);
  const gateway = createGatewayMetricFamilies(registry);
  let registryMetrics: RegistryMetrics | undefined;
  return {
    contentType,
    render: async () => {
      log.droppedLines(options.droppedLineCount());
      const { registry: standing, ...sample } = options.sample();
      gateway.observe(sample);
      if (standing !== undefined) (registryMetrics ??= createRegistryMetrics(registry)).observe(standing);
      return metrics.render();
    },
    observeHttp: (sample) => http.observe(sample),
    observeAttempt: (sample) => gateway.attempt(sample),
    [Symbol.dispose]: () => eventLoop.dispose(),
  };
}
