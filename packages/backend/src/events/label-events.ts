import type { EngineLabels } from "@infernode/inference";
import type { InfernodeEventSink } from "./event-bus.ts";
import type { InfernodeEvent, InfernodeEventMap } from "./event-map.ts";

/** The events that name an engine. */
type LabelledName = {
  [Name in keyof InfernodeEventMap]: InfernodeEventMap[Name] extends EngineLabels ? Name : never;
}[keyof InfernodeEventMap];

/** Takes what an engine's parts report, which do not know whose they are. */
export interface UnlabelledSink {
  readonly emit: <Name extends LabelledName>(
    name: Name,
    fact: Omit<InfernodeEventMap[Name], keyof EngineLabels>,
  ) => void;
}

/** Adds the labels of one engine to everything that passes. */
export function labelEvents(events: InfernodeEventSink, labels: EngineLabels): UnlabelledSink {
  // The name and its payload belong together.
  return {
    emit: (name, fact) => events.emit(...([name, { ...fact, ...labels }] as unknown as InfernodeEvent)),
  };
}
