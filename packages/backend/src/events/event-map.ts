import type { DiscoveryEventMap } from "@infernode/discovery";
import type { HealthEventMap } from "@infernode/health";
import type { EngineEventMap, EngineLabels } from "@infernode/inference";
import type { MemoryEventMap } from "@infernode/memory";
import type { BackendEventMap } from "./backend-events.ts";

/** Memory is reported by each engine of its own. */
type LabelledMemoryEventMap = {
  [Name in keyof MemoryEventMap]: MemoryEventMap[Name] & EngineLabels;
};

/** Every event of every package, on one bus. */
export type InfernodeEventMap = EngineEventMap &
  LabelledMemoryEventMap &
  HealthEventMap &
  DiscoveryEventMap &
  BackendEventMap;

/** A name with its payload. */
export type InfernodeEvent = {
  [Name in keyof InfernodeEventMap]: [Name, InfernodeEventMap[Name]];
}[keyof InfernodeEventMap];
