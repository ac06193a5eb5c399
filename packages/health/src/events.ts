import type { HealthLevel, HealthStatus } from "./health-status.ts";

/** Events of this package: plain data, emitted after the change. */
export type HealthEventMap = {
  /** The level changed. Also emitted for the first report, without `previous`. */
  "health:status-changed": {
    /** The checker's name, such as `live` or `ready`. */
    readonly checker: string;
    readonly previous: HealthLevel | undefined;
    readonly status: HealthLevel;
    readonly reasons: readonly string[];
    readonly checks: Readonly<Record<string, HealthStatus>>;
  };
};

/** A name and its payload, for each event of the map. */
export type HealthEvent = {
  [Name in keyof HealthEventMap]: [Name, HealthEventMap[Name]];
}[keyof HealthEventMap];

/**
 * Receives events. `emit` takes a union of tuples, so that a bus with a larger map fits. It is a property, because
 * methods are compared bivariantly and a bus with too small a map would fit too.
 */
export interface HealthEventSink {
  readonly emit: (...event: HealthEvent) => void;
}
