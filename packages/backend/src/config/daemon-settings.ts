import { choice, milliseconds } from "./setting-kinds.ts";
import type { Setting } from "./setting.ts";

/** Those of the daemon as a whole. */
export const daemonSettings: readonly Setting[] = [
  {
    path: "log.level",
    kind: choice(["trace", "debug", "info", "warn", "error", "fatal", "silent"]),
    default: "info",
    flag: "log-level",
    shortVariable: "INFERNODE_LOG_LEVEL",
    description: "lowest level that is logged",
  },
  {
    path: "log.format",
    kind: choice(["auto", "pretty", "json"]),
    default: "auto",
    flag: "log-format",
    shortVariable: "INFERNODE_LOG_FORMAT",
    description: "auto: pretty on a terminal, otherwise JSON",
  },
  {
    path: "health.stallAfterMs",
    kind: milliseconds(1000),
    default: 30_000,
    flag: "stall-after",
    description: "an engine that has work and makes no step for this long is not ready",
  },
];
