import type { EngineLabels } from "@infernode/inference";
import { createEventLoopMetrics, createMetrics, createProcessMetrics } from "@infernode/health";
import type { EngineSupervisor } from "../models/local/engine-supervisor.ts";
import type { EventBus } from "../events/event-bus.ts";
import type { ServerMetrics } from "../http/http-server-options.ts";
import { createEngineStateMetrics } from "../metrics/engine-state-metrics.ts";
import { createGpuMetrics } from "../metrics/gpu-metrics.ts";
import { createHttpMetrics } from "../metrics/http-metrics.ts";
import { createInferenceMetrics, type InferenceMetrics } from "../metrics/inference-metrics.ts";
import type { EngineStatsSample } from "../metrics/inference-samples.ts";
import { createLogMetrics } from "../metrics/log-metrics.ts";
import { createRegistryMetrics, type RegistrySample } from "../metrics/registry-metrics.ts";
import { createStoreMetrics } from "../metrics/store-metrics.ts";
import { createSessionMetrics } from "../metrics/session-metrics.ts";
import { createMemoryMetrics, type MemoryLedgerSample } from "../metrics/memory-metrics.ts";
import type { ItemStore } from "../store/item-store.ts";
import type { GpuTelemetry } from "./gpu-telemetry.ts";

const noStats: EngineStatsSample = {
  stepCount: 0,
  aheadStepCount: 0,
  hostHeldStepCount: 0,
  memoryHeldStepCount: 0,
  proposalHeldStepCount: 0,
  runningSequenceCount: 0,
  waitingRequestCount: 0,
  waitingTokenCount: 0,
  kvCacheUsage: 0,
  promptTokenCount: 0,
  generatedTokenCount: 0,
  proposalCount: 0,
  proposedTokenCount: 0,
  confirmedTokenCount: 0,
  preemptionCount: 0,
  prefixCacheQueriedTokenCount: 0,
  prefixCacheHitTokenCount: 0,
};

/** The daemon's metrics, updated by events. */
export interface DaemonMetrics extends Required<ServerMetrics>, Disposable {
  /** The longest delay of the event loop since `markServing`. */
  maxEventLoopDelayMs(): number;
  /** Restarts the measurement of the event loop, which loading code has delayed. */
  markServing(): void;
  dispose(): void;
}

/** Creates the metrics; the series of an engine exist once its model is loaded. */
export function createDaemonMetrics(options: {
  readonly events: EventBus;
  readonly engines: readonly Pick<EngineSupervisor, "labels" | "state" | "stats" | "heartbeat" | "model">[];
  /** Read at each scrape. */
  readonly gpus: Pick<GpuTelemetry, "survey">;
  /** Read at each scrape. */
  readonly droppedLineCount: () => number;
  /** Read at each scrape. [nothing is stored] */
  readonly store: () => Pick<ItemStore, "stats"> | undefined;
  /** Read at each scrape. [the registry is this process] */
  readonly registry: () => RegistrySample | undefined;
}): DaemonMetrics {
  const { events, engines, gpus } = options;
  const metrics = createMetrics();
  const { registry, contentType } = metrics;
  createProcessMetrics({ registry });
  const log = createLogMetrics(registry);
  const eventLoop = createEventLoopMetrics({ registry });
  const http = createHttpMetrics(registry);
  const sessions = createSessionMetrics(registry);
  const stored = createStoreMetrics(registry);
  const serviceRegistry = createRegistryMetrics(registry);
  const gpuMetrics = createGpuMetrics(registry);
  const memory = createMemoryMetrics(registry);
  const engineStates = createEngineStateMetrics(registry);
  const inference = new Map<string, InferenceMetrics>();
  const keyOf = ({ model, engine }: EngineLabels): string => JSON.stringify([model, engine]);
  const metricsOf = (labels: EngineLabels): InferenceMetrics | undefined => inference.get(keyOf(labels));

  const readEngines = (): void => {
    const ledger: MemoryLedgerSample[] = [];
    for (const engine of engines) {
      const { labels } = engine;
      const stats = engine.stats();
      engineStates.state(engine.state, labels);
      if (stats !== undefined) metricsOf(labels)?.stats(stats);
      const heartbeat = engine.heartbeat();
      if (heartbeat === undefined) continue;
      for (const pool of heartbeat.pools) memory.pool(pool, labels);
      for (const { deviceId, models } of heartbeat.ledger.devices) {
        ledger.push(
          ...models.flatMap(({ purposes }) => purposes.map((each) => ({ ...labels, deviceId, ...each }))),
        );
      }
    }
    memory.ledger(ledger);
  };
  const unsubscribers = [
    events.on("backend:model-loaded", ({ model, engine, contextTokens }) => {
      const created = createInferenceMetrics({ registry, modelName: model, engineId: engine, contextTokens });
      inference.set(keyOf({ model, engine }), created);
      const plan = engines.find(({ labels }) => keyOf(labels) === keyOf({ model, engine }))?.model
        ?.memoryPlan;
      if (plan === undefined) return;
      created.cacheConfig({
        blockTokens: plan.kvPages?.pageTokens ?? plan.contextTokens,
        blockCount: plan.kvPages?.pageCount ?? plan.maxSequences,
        dtype: plan.kvCacheDtype,
        sizeBytes: plan.kvCacheBytes,
        hasPrefixCache: plan.kvPages?.isShareable ?? false,
      });
    }),
    events.on("inference:request-queued", (payload) => metricsOf(payload)?.requestQueued(payload)),
    events.on("inference:request-scheduled", (payload) => metricsOf(payload)?.requestScheduled(payload)),
    // The engine's own event does not include the time until the call reaches it.
    events.on("backend:first-token", (payload) => metricsOf(payload)?.firstToken(payload)),
    events.on("inference:request-finished", (payload) => metricsOf(payload)?.requestFinished(payload)),
    events.on("inference:step-finished", (payload) => metricsOf(payload)?.stepFinished(payload)),
    events.on("backend:engine-crashed", (payload) => {
      readEngines();
      metricsOf(payload)?.engineCrashed(payload);
      // The next process counts from 0.
      metricsOf(payload)?.stats(noStats);
    }),
  ];
  const dispose = (): void => {
    for (const unsubscribe of unsubscribers) unsubscribe();
    for (const each of inference.values()) each.dispose();
    eventLoop.dispose();
  };
  return {
    contentType,
    render: async () => {
      readEngines();
      log.droppedLines(options.droppedLineCount());
      const storeStats = options.store()?.stats();
      if (storeStats !== undefined) stored.observe(storeStats);
      const registrySample = options.registry();
      if (registrySample !== undefined) serviceRegistry.observe(registrySample);
      gpuMetrics.gpus((await gpus.survey()).gpus);
      return metrics.render();
    },
    observeHttp: (sample) => http.observe(sample),
    observeSessions: (sample) => sessions.observe(sample),
    maxEventLoopDelayMs: () => eventLoop.maxDelayMs(),
    markServing: () => eventLoop.restart(),
    dispose,
    [Symbol.dispose]: dispose,
  };
}
