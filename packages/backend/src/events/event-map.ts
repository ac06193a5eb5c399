import type { DiscoveryEventMap } from "@infernode/discovery";
import type { HealthEventMap } from "@infernode/health";
import type { EngineEventMap, EngineLabels } from "@infernode/inference";
import type { MemoryEventMap } from "@infernode/memory";
import type { BackendEventMap } from "./backend-events.ts";

/** Each engine reports its own memory. */
type LabelledMemoryEventMap = {
  [Name in keyof MemoryEventMap]: MemoryEventMap[Name] & EngineLabels;
};

/** All events of all packages. */
export type InfernodeEventMap = EngineEventMap &
  LabelledMemoryEventMap &
  HealthEventMap &
  DiscoveryEventMap &
  BackendEventMap;

/** An event name with its payload. */
export type InfernodeEvent = {
  [Name in keyof InfernodeEventMap]: [Name, InfernodeEventMap[Name]];
}[keyof InfernodeEventMap];
