import { bytes, integer, milliseconds } from "./setting-kinds.ts";
import type { Setting } from "./setting.ts";

/** Those of WebSockets, and of responses whose events are held. */
export const sessionSettings: readonly Setting[] = [
  {
    path: "session.maxSessions",
    kind: integer(0, 1_000_000),
    default: 512,
    flag: "max-sessions",
    description: "open WebSockets; 0 for none",
  },
  {
    path: "session.idleTimeoutMs",
    kind: milliseconds(100),
    default: 600_000,
    flag: "session-idle-timeout",
    description: "a WebSocket without a response and without a message for this long is closed",
  },
  {
    path: "session.graceMs",
    kind: milliseconds(0),
    default: 30_000,
    flag: "session-grace",
    description:
      "time in which a client may come back to a running response of its WebSocket before it is cancelled",
  },
  {
    path: "session.maxResponses",
    kind: integer(1, 1_000_000),
    default: 256,
    flag: "max-held-responses",
    description: "responses whose events are held, running or ended",
  },
  {
    path: "session.responseBytes",
    kind: bytes(65_536),
    default: 8 * 2 ** 20,
    flag: "held-response-memory",
    description: "memory for the events of one held response; beyond it the oldest are dropped",
  },
  {
    path: "session.memoryBytes",
    kind: bytes(2 ** 20),
    default: 64 * 2 ** 20,
    flag: "held-memory",
    description: "memory for the events of all held responses; beyond it those that ended first are dropped",
  },
  {
    path: "session.holdMs",
    kind: milliseconds(0),
    default: 600_000,
    flag: "hold-time",
    description: "time for which the events of an ended response are held",
  },
];
