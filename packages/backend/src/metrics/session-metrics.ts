import { createSeriesScope, type MetricRegistry } from "@infernode/health";
import { createTotalCounter } from "./total-counter.ts";

/** The WebSocket sessions and the held responses of a server. */
export interface SessionSample {
  readonly openSessionCount: number;
  /** Since the start. */
  readonly openedSessionCount: number;
  readonly runningResponseCount: number;
  readonly endedResponseCount: number;
  readonly heldBytes: number;
}

/** Metrics of WebSocket sessions and held responses. */
export interface SessionMetrics {
  observe(sample: SessionSample): void;
}

/** Creates the metrics of sessions. */
export function createSessionMetrics(registry: MetricRegistry): SessionMetrics {
  const scope = createSeriesScope(registry);
  const open = scope.gauge({ name: "infernode_sessions_open", help: "WebSocket sessions that are open." });
  const opened = createTotalCounter(
    scope.counter({ name: "infernode_sessions_opened_total", help: "WebSocket sessions that were opened." }),
  );
  const held = scope.gauge({
    name: "infernode_held_responses",
    help: "Responses whose events are held, running or ended.",
    labelNames: ["state"],
  });
  const heldBytes = scope.gauge({
    name: "infernode_held_response_bytes",
    help: "Bytes of the events that are held, at most.",
  });
  return {
    observe(sample) {
      open(sample.openSessionCount);
      opened(sample.openedSessionCount);
      held(sample.runningResponseCount, { state: "running" });
      held(sample.endedResponseCount, { state: "ended" });
      heldBytes(sample.heldBytes);
    },
  };
}
