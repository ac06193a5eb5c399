import { createEventLoopMetrics, createMetrics, createProcessMetrics } from "@infernode/health";
import type { EngineSupervisor } from "../models/local/engine-supervisor.ts";
import type { EventBus } from "../events/event-bus.ts";
import type { ServerMetrics } from "../http/http-server-options.ts";
import { createGpuMetrics } from "../metrics/gpu-metrics.ts";
import { createHttpMetrics } from "../metrics/http-metrics.ts";
import { createInferenceMetrics, type InferenceMetrics } from "../metrics/inference-metrics.ts";
import type { EngineStatsSample } from "../metrics/inference-samples.ts";
import { createLogMetrics } from "../metrics/log-metrics.ts";
import { createMemoryMetrics } from "../metrics/memory-metrics.ts";
import type { GpuTelemetry } from "./gpu-telemetry.ts";

const noStats: EngineStatsSample = {
  stepCount: 0,
  runningSequenceCount: 0,
  waitingRequestCount: 0,
  waitingTokenCount: 0,
  kvCacheUsage: 0,
  promptTokenCount: 0,
  generatedTokenCount: 0,
};

/** The daemon's metrics, fed by the bus. */
export interface DaemonMetrics extends Required<ServerMetrics>, Disposable {
  /** The longest that the event loop was late since the start. */
  maxEventLoopDelayMs(): number;
  /** The event loop is measured from here on: before it, the program's code was read. */
  servingBegins(): void;
  dispose(): void;
}

/** Creates the metrics; the engine's appear when its model is loaded. */
export function createDaemonMetrics(options: {
  readonly events: EventBus;
  readonly engine: Pick<EngineSupervisor, "stats" | "vitals" | "model">;
  /** Read at each scrape. */
  readonly gpus: Pick<GpuTelemetry, "survey">;
  /** Read at each scrape. */
  readonly droppedLineCount: () => number;
}): DaemonMetrics {
  const { events, engine, gpus } = options;
  const metrics = createMetrics();
  const { registry, contentType } = metrics;
  createProcessMetrics({ registry });
  const log = createLogMetrics(registry);
  const eventLoop = createEventLoopMetrics({ registry });
  const http = createHttpMetrics(registry);
  const gpuMetrics = createGpuMetrics(registry);
  const memory = createMemoryMetrics(registry);
  let inference: InferenceMetrics | undefined;

  const takeStats = (): void => {
    const stats = engine.stats();
    if (stats !== undefined) inference?.stats(stats);
    const vitals = engine.vitals();
    if (vitals === undefined) return;
    memory.pool(vitals.pool);
    memory.ledger(
      vitals.ledger.devices.flatMap((device) =>
        device.models.flatMap(({ model, purposes }) => purposes.map((each) => ({ model, ...each }))),
      ),
    );
  };
  const unsubscribers = [
    events.on("backend:model-loaded", ({ model, contextTokens }) => {
      inference = createInferenceMetrics({ registry, modelName: model, contextTokens });
      const plan = engine.model?.memoryPlan;
      if (plan === undefined) return;
      inference.cacheConfig({
        blockTokens: plan.contextTokens,
        blockCount: plan.maxSequences,
        dtype: "f32",
        sizeBytes: plan.kvCacheBytes,
        hasPrefixCache: false,
      });
    }),
    events.on("inference:request-queued", (payload) => inference?.requestQueued(payload)),
    events.on("inference:request-scheduled", (payload) => inference?.requestScheduled(payload)),
    // Not the engine's own, which knows nothing of the way to it.
    events.on("backend:first-token", (payload) => inference?.firstToken(payload)),
    events.on("inference:request-finished", (payload) => inference?.requestFinished(payload)),
    events.on("inference:step-finished", (payload) => inference?.stepFinished(payload)),
    events.on("backend:engine-crashed", (payload) => {
      takeStats();
      inference?.engineCrashed(payload);
      // The next process counts from 0 again.
      inference?.stats(noStats);
    }),
  ];
  const dispose = (): void => {
    for (const unsubscribe of unsubscribers) unsubscribe();
    inference?.dispose();
    eventLoop.dispose();
  };
  return {
    contentType,
    render: async () => {
      takeStats();
      log.droppedLines(options.droppedLineCount());
      gpuMetrics.gpus((await gpus.survey()).gpus);
      return metrics.render();
    },
    observeHttp: (sample) => http.observe(sample),
    maxEventLoopDelayMs: () => eventLoop.maxDelayMs(),
    servingBegins: () => eventLoop.restart(),
    dispose,
    [Symbol.dispose]: dispose,
  };
}
