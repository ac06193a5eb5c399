import { createSeriesScope, type MetricRegistry } from "@infernode/health";
import { byteBuckets, firstTokenBuckets } from "./buckets.ts";

/** A completed HTTP request. */
export interface HttpSample {
  /** The route's pattern (`/v1/models/:id`), not the path; `unmatched` if no route matched. */
  readonly handler: string;
  readonly method: string;
  /** 499 if the client disconnected before the end of the response. */
  readonly status: number;
  /** Until the last byte of the response. */
  readonly durationMs: number;
  /** Size of the request body. */
  readonly requestBytes: number;
  /** Size of headers and body as written. */
  readonly responseBytes: number;
}

/** HTTP server metrics. */
export interface HttpMetrics {
  /** Call it when the response has ended, also if the client disconnected. */
  observe(sample: HttpSample): void;
}

/**
 * Creates HTTP server metrics under the names that vLLM's dashboards use. Their label `status` is a class such as
 * `4xx`; `infernode_http_responses_total` has the exact code.
 */
export function createHttpMetrics(registry: MetricRegistry): HttpMetrics {
  const scope = createSeriesScope(registry);
  const requests = scope.counter({
    name: "http_requests_total",
    help: "Requests by route, method and status class.",
    labelNames: ["handler", "method", "status"],
  });
  const responses = scope.counter({
    name: "infernode_http_responses_total",
    help: "Responses by route, method and status code.",
    labelNames: ["handler", "method", "code"],
  });
  const duration = scope.histogram({
    name: "http_request_duration_seconds",
    help: "Time from the first byte of a request to the last byte of its response, in seconds.",
    labelNames: ["handler", "method"],
    buckets: firstTokenBuckets,
  });
  const requestSize = scope.histogram({
    name: "http_request_size_bytes",
    help: "Size of request bodies, in bytes.",
    labelNames: ["handler"],
    buckets: byteBuckets,
  });
  const responseSize = scope.histogram({
    name: "http_response_size_bytes",
    help: "Size of responses including headers, in bytes.",
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
