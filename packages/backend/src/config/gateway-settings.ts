import { backendWeights, factor, namedBackends, routingRules } from "./gateway-kinds.ts";
import { policyNames } from "./routing-rule.ts";
import { choice, integer, milliseconds, share } from "./setting-kinds.ts";
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
  {
    path: "gateway.pollIntervalMs",
    kind: milliseconds(100),
    default: 2000,
    flag: "poll-interval",
    description: "time between requests for the models of each of the backends that are named here",
  },
  {
    path: "gateway.policy",
    kind: choice(policyNames),
    default: "least-loaded",
    flag: "policy",
    description: "how a backend is chosen where no rule says otherwise",
  },
  {
    path: "gateway.rules",
    kind: routingRules(),
    default: [],
    flag: "routing-rules",
    description: "which requests go where",
  },
  {
    path: "gateway.weights",
    kind: backendWeights(),
    default: {},
    flag: "backend-weights",
    description: "shares of backends beside others, 1 where no pattern fits; the first that fits counts",
  },
  {
    path: "gateway.prefixLoadFactor",
    kind: factor(100),
    default: 1.25,
    flag: "prefix-load-factor",
    description: "with the policy prefix-aware, a backend gets no more than its share of the load times this",
  },
  {
    path: "gateway.maxInFlight",
    kind: integer(1, 1_000_000),
    default: 1024,
    flag: "max-in-flight",
    description: "requests to a model of a backend at once; more wait for a place",
  },
  {
    path: "gateway.maxQueued",
    kind: integer(0, 1_000_000),
    default: 1024,
    flag: "max-queued",
    description: "requests that wait for a place on a backend; more are refused with 429",
  },
  {
    path: "gateway.queueTimeoutMs",
    kind: milliseconds(1),
    default: 10_000,
    flag: "queue-timeout",
    description: "time after which a request that waits for a place is refused with 503",
  },
  {
    path: "gateway.circuitFailures",
    kind: integer(1, 1_000_000),
    default: 5,
    flag: "circuit-failures",
    description: "failures one after the other after which a model of a backend gets no requests for a while",
  },
  {
    path: "gateway.circuitOpenMs",
    kind: milliseconds(1),
    default: 1000,
    flag: "circuit-open",
    description: "that while; it doubles with each request after it that fails, up to 30 seconds",
  },
];
