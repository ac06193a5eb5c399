import type { EngineEventMap } from "@infernode/inference";
import type { BackendEventMap } from "./backend-events.ts";

/** Every event of every package, on one bus. */
export type InfernodeEventMap = EngineEventMap & BackendEventMap;

/** A name with its payload. */
export type InfernodeEvent = {
  [Name in keyof InfernodeEventMap]: [Name, InfernodeEventMap[Name]];
}[keyof InfernodeEventMap];
