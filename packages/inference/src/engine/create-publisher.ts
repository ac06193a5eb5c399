import type { EngineEvent, EngineEventSink, EngineFact, EngineLabels } from "../events.ts";

/** Emits a fact with the engine's labels. */
export type Publish = (...fact: EngineFact) => void;

/** Creates the only way from an engine to its sink, so that no event lacks its labels. */
export function createPublisher(events: EngineEventSink, labels: EngineLabels): Publish {
  const { model, engine } = labels;
  return (name, fact) => {
    try {
      events.emit(...([name, { ...fact, model, engine }] as EngineEvent));
    } catch (error) {
      // As EventTarget does: the failure surfaces, and the engine goes on.
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}
