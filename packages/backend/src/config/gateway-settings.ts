import { namedBackends } from "./gateway-kinds.ts";
import { integer, milliseconds, share } from "./setting-kinds.ts";
import type { Setting } from "./setting.ts";

/** Those of the gateway. */
export const gatewaySettings: readonly Setting[] = [
  {
    path: "gateway.backends",
    kind: namedBackends(),
    default: {},
    flag: "backend",
    description: "servers with OpenAI's API that requests are passed on to; repeat the flag for several",
    isRepeatable: true,
  },
  {
    path: "gateway.maxAttempts",
    kind: integer(1, 100),
    default: 3,
    flag: "max-attempts",
    description: "backends that a request may try before the first byte of its answer",
  },
  {
    path: "gateway.retryShare",
    kind: share(),
    default: 0.2,
    flag: "retry-share",
    description: "attempts after the first one, for each request, over time",
  },
  {
    path: "gateway.retryBurst",
    kind: integer(0, 1_000_000),
    default: 128,
    flag: "retry-burst",
    description: "attempts after the first one that are possible at once",
  },
  {
    path: "gateway.connectTimeoutMs",
    kind: milliseconds(10),
    default: 2000,
    flag: "connect-timeout",
    description: "time in which a backend must accept a connection",
  },
  {
    path: "gateway.silenceTimeoutMs",
    kind: milliseconds(100),
    default: 300_000,
    flag: "silence-timeout",
    description: "a backend that sends nothing of an answer for this long has failed",
  },
];
