import type { EngineLabels } from "@infernode/inference";
import type { InfernodeEventSink } from "./event-bus.ts";
import type { InfernodeEvent, InfernodeEventMap } from "./event-map.ts";

/** Names of events that have the labels of an engine. */
type LabelledName = {
  [Name in keyof InfernodeEventMap]: InfernodeEventMap[Name] extends EngineLabels ? Name : never;
}[keyof InfernodeEventMap];

/** Takes events from parts of an engine, which do not know its labels. */
export interface UnlabelledSink {
  readonly emit: <Name extends LabelledName>(
    name: Name,
    payload: Omit<InfernodeEventMap[Name], keyof EngineLabels>,
  ) => void;
}

/** Creates a sink that adds the labels of one engine to each event. */
export function labelEvents(events: InfernodeEventSink, labels: EngineLabels): UnlabelledSink {
  // `emit` takes name and payload as a pair.
  return {
    emit: (name, payload) => events.emit(...([name, { ...payload, ...labels }] as unknown as InfernodeEvent)),
  };
}
