import type { Logger } from "pino";
import type { EventBus } from "../events/event-bus.ts";

/** Logs the events that matter to an operator; returns a function that stops it. */
export function logEvents(
  events: EventBus,
  logger: Logger,
  { engineCount }: { readonly engineCount: number },
): () => void {
  /** Quarters that were logged, by engine. */
  const quarters = new Map<string, number>();
  const unsubscribers = [
    events.on("backend:weights-quantizing", ({ model, engine, doneBytes, totalBytes }) => {
      const quarter = Math.floor((4 * doneBytes) / totalBytes);
      if (quarter === quarters.get(engine)) return;
      quarters.set(engine, quarter);
      logger.info({ model, engine, percent: 25 * quarter }, "quantizing weights");
    }),
    events.on("backend:gpu-check-started", (payload) => logger.info(payload, "checking a GPU")),
    events.on("backend:gpu-checked", (payload) => {
      const isGood = payload.failure === undefined && payload.notKept === undefined;
      logger[isGood ? "info" : "warn"](payload, "GPU checked");
    }),
    events.on("backend:engine-started", (payload) => logger.info(payload, "engine started")),
    events.on("backend:model-loaded", (payload) => logger.info(payload, "model loaded")),
    events.on("backend:engine-hung", (payload) => logger.error(payload, "engine hung")),
    events.on("backend:engine-crashed", (payload) => logger.error(payload, "engine crashed")),
    events.on("backend:engine-start-postponed", (payload) => logger.warn(payload, "engine start postponed")),
    events.on("backend:engine-restarted", (payload) => logger.warn(payload, "engine restarted")),
    events.on("backend:engine-state-changed", ({ model, engine, to, reasons }) => {
      // A daemon that loses its only engine ends, and says why itself.
      if (to === "failed" && engineCount > 1) logger.error({ model, engine, reasons }, "engine failed");
    }),
    events.on("backend:draining", (payload) => logger.info(payload, "draining")),
    events.on("backend:stopped", (payload) => logger.info(payload, "stopped")),
    events.on("memory:alert", (payload) => {
      logger[payload.pressure === "normal" ? "info" : "warn"](payload, "memory pressure changed");
    }),
    events.on("memory:leaks-found", (payload) => logger.warn(payload, "memory was not released")),
    events.on("health:status-changed", ({ checker, previous, status, reasons }) => {
      const level = status === "healthy" || previous === undefined ? "debug" : "warn";
      logger[level]({ checker, previous, status, reasons }, "health changed");
    }),
    events.on("discovery:registry-state-changed", ({ registry, state, reason }) => {
      logger[state === "reachable" ? "info" : "warn"](
        { registry, state, reason },
        "service registry changed",
      );
    }),
    events.on("inference:request-finished", (payload) => logger.debug(payload, "request finished")),
  ];
  return () => {
    for (const unsubscribe of unsubscribers) unsubscribe();
  };
}
