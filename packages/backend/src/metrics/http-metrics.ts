import { createSeriesScope, type MetricRegistry } from "@infernode/health";
import { byteBuckets, firstTokenBuckets } from "./buckets.ts";

/** One answered request. */
export interface HttpSample {
  /** The route's pattern (`/v1/models/:id`), never the path itself; `unmatched` where there is none. */
  readonly handler: string;
  readonly method: string;
  /** 499 when the client went away before the end of the answer. */
  readonly status: number;
  /** To the last byte of the answer. */
  readonly durationMs: number;
  /** Of the body. */
  readonly requestBytes: number;
  /** Head and body, as they were written. */
  readonly responseBytes: number;
}

/** Metrics of one HTTP server. */
export interface HttpMetrics {
  /** To be called when the answer has ended, also when the client left. */
  observe(sample: HttpSample): void;
}

/**
 * Creates the metrics of an HTTP server under the names that vLLM's dashboards use. Their `status` is a class
 * such as `4xx`; the exact code is on `infernode_http_responses_total`.
 */
export function createHttpMetrics(registry: MetricRegistry): HttpMetrics {
  const scope = createSeriesScope(registry);
  const requests = scope.counter({
    name: "http_requests_total",
    help: "Requests by route, method and class of status.",
    labelNames: ["handler", "method", "status"],
  });
  const responses = scope.counter({
    name: "infernode_http_responses_total",
    help: "Responses by route, method and status code.",
    labelNames: ["handler", "method", "code"],
  });
  const duration = scope.histogram({
    name: "http_request_duration_seconds",
    help: "From a request's first byte to the last byte of its answer, in seconds.",
    labelNames: ["handler", "method"],
    buckets: firstTokenBuckets,
  });
  const requestSize = scope.histogram({
    name: "http_request_size_bytes",
    help: "Bytes in the body of a request.",
    labelNames: ["handler"],
    buckets: byteBuckets,
  });
  const responseSize = scope.histogram({
    name: "http_response_size_bytes",
    help: "Bytes of an answer, its head included.",
    labelNames: ["handler"],
    buckets: byteBuckets,
  });

  return {
    observe({ handler, method, status, durationMs, requestBytes, responseBytes }) {
      requests(1, { handler, method, status: `${Math.trunc(status / 100)}xx` });
      responses(1, { handler, method, code: String(status) });
      duration(durationMs / 1000, { handler, method });
      requestSize(requestBytes, { handler });
      responseSize(responseBytes, { handler });
    },
  };
}
