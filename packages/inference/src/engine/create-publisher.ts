import type { EngineEvent, EngineEventSink, EngineFact, EngineLabels } from "../events.ts";

/** Emits a fact with the engine's labels. */
export type Publish = (...fact: EngineFact) => void;

/** Creates the one way from an engine to its sink, so that no event lacks its labels. */
export function createPublisher(events: EngineEventSink, labels: EngineLabels): Publish {
  return (name, fact) => {
    try {
      events.emit(...([name, { ...fact, ...labels }] as EngineEvent));
    } catch (error) {
      // As EventTarget does: the handler's failure is seen, and the engine's state stays whole.
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}
