import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import { clientGoneCode } from "../../http/connection/client-gone.ts";
import { slowReaderCode, SlowReaderError } from "../../http/connection/cut-slow-reader.ts";
import type { HttpClock, ServerMetrics } from "../../http/http-server-options.ts";
import type { ProxyRecord } from "./proxy-request.ts";

/** The facts about one request and its answer for logs and metrics. */
export interface GatewayExchange extends ProxyRecord {
  readonly requestId: string;
  /** The pattern of the path. */
  route: string;
}

export interface ExchangeOptions {
  readonly logger: Logger;
  readonly metrics: Pick<ServerMetrics, "observeHttp">;
  readonly clock: HttpClock;
}

const clientGoneStatus = 499;
/** Polled every few seconds. */
const quietRoutes = /^\/(?:health|metrics)\b/;

/** Begins an exchange, which is logged and measured when the response closes. */
export function beginExchange(
  request: IncomingMessage,
  response: ServerResponse,
  { requestId, options }: { readonly requestId: string; readonly options: ExchangeOptions },
): GatewayExchange {
  const { logger, metrics, clock } = options;
  const startedAtMs = clock.now();
  const bytesBefore = request.socket.bytesWritten;
  const exchange: GatewayExchange = {
    requestId,
    route: "unmatched",
    model: undefined,
    backend: undefined,
    attemptCount: 0,
    bodyBytes: 0,
    error: undefined,
  };
  response.once("close", () => {
    const { route, model, backend, attemptCount, bodyBytes, error } = exchange;
    const durationMs = clock.now() - startedAtMs;
    const isCut = !response.writableFinished;
    const status = isCut && error === undefined ? clientGoneStatus : response.statusCode;
    const method = request.method ?? "GET";
    metrics.observeHttp?.({
      handler: route,
      method,
      status,
      durationMs,
      requestBytes: bodyBytes,
      responseBytes: Math.max(0, request.socket.bytesWritten - bytesBefore),
    });
    const cutBy = response.errored instanceof SlowReaderError ? slowReaderCode : clientGoneCode;
    const line = {
      requestId,
      method,
      route,
      status,
      durationMs: Math.round(durationMs * 10) / 10,
      ...(model === undefined ? {} : { model }),
      ...(backend === undefined ? {} : { backend, attempts: attemptCount }),
      ...(isCut && error === undefined ? { cutBy } : {}),
      ...(error === undefined ? {} : { error: error.code }),
    };
    if (error !== undefined && error.status >= 500) {
      logger.warn({ ...line, err: error.cause ?? error }, "request");
    } else if (quietRoutes.test(route)) {
      logger.debug(line, "request");
    } else {
      logger.info(line, "request");
    }
  });
  return exchange;
}
