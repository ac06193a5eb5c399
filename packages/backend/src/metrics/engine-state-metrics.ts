import type { EngineLabels } from "@infernode/inference";
import { createSeriesScope, type MetricRegistry } from "@infernode/health";

const states = ["starting", "ready", "restarting", "draining", "stopped", "failed"] as const;

/** Metrics of what engines are doing, also of those whose model is not loaded. */
export interface EngineStateMetrics {
  /** Sets the present state of an engine. */
  state(state: (typeof states)[number], labels: EngineLabels): void;
}

/** Creates the gauge of engine states: 1 for the present one, 0 for the others. */
export function createEngineStateMetrics(registry: MetricRegistry): EngineStateMetrics {
  const gauge = createSeriesScope(registry).gauge({
    name: "infernode_engine_state",
    help: "1 for the state that the engine is in, 0 for the others.",
    labelNames: ["model_name", "engine", "state"],
  });
  return {
    state(present, { model, engine }) {
      for (const state of states) gauge(state === present ? 1 : 0, { model_name: model, engine, state });
    },
  };
}
