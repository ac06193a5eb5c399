import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { ApiError } from "../api/shared/api-error.ts";
import type { GenerationProgress } from "../api/shared/generation.ts";
import { clientGoneCode } from "./connection/client-gone.ts";
import type { HttpClock, ServerMetrics } from "./http-server-options.ts";

/** The facts about one request and its answer for logs and metrics; never their content. */
export interface Exchange {
  readonly requestId: string;
  /** Clock time of its start. */
  readonly startedAtMs: number;
  model?: string;
  isStream?: boolean;
  progress?: Readonly<GenerationProgress>;
  error?: ApiError;
  /** Of a body that was read completely. */
  bodyBytes?: number;
  /** Why the answer was cut off: `CLIENT_GONE`, `SLOW_READER`. */
  cutBy?: string;
  /** The memory of the body; released at the end of the exchange. */
  bodyShare?: { release(): void };
}

/** Has an exchange for each request; logs and measures it at its end. */
export interface Exchanges {
  begin(request: FastifyRequest, response: ServerResponse): Exchange;
  of(request: FastifyRequest): Exchange;
}

export interface ExchangesOptions {
  readonly logger: Logger;
  readonly metrics: ServerMetrics;
  readonly clock: HttpClock;
}

const clientGoneStatus = 499;
/** Polled every few seconds. */
const quietRoutes = /^\/(?:health|metrics|docs)\b/;

/** A path to a field (`messages[0].content`); an unknown key may be any text. */
const fieldPath = /^[\w.[\]-]{1,64}$/;

function roundMs(durationMs: number): number {
  return Math.round(durationMs * 10) / 10;
}

function loggedParam(param: string | undefined): string | undefined {
  return param === undefined || fieldPath.test(param) ? param : "[not a name]";
}

/** Creates the exchanges of one server. */
export function createExchanges(options: ExchangesOptions): Exchanges {
  const { logger, metrics, clock } = options;
  const byRequest = new WeakMap<IncomingMessage, Exchange>();

  function finish(request: FastifyRequest, response: ServerResponse, bytesBefore: number): void {
    const exchange = of(request);
    const { progress, error, startedAtMs, cutBy } = exchange;
    const durationMs = clock.now() - startedAtMs;
    const isCut = cutBy !== undefined || !response.writableFinished;
    const status = isCut ? clientGoneStatus : response.statusCode;
    const route = request.routeOptions.url ?? "unmatched";
    const sample = {
      handler: route,
      method: request.method,
      status,
      durationMs,
      // The bytes that were received, not those that were announced.
      requestBytes:
        exchange.bodyBytes ??
        Math.min(Number(request.headers["content-length"] ?? 0) || 0, request.raw.socket.bytesRead ?? 0),
      responseBytes: Math.max(0, (request.raw.socket.bytesWritten ?? 0) - bytesBefore),
    };
    metrics.observeHttp?.(sample);
    const line = {
      requestId: exchange.requestId,
      method: request.method,
      route,
      status,
      durationMs: roundMs(durationMs),
      ...(exchange.model === undefined ? {} : { model: exchange.model, stream: exchange.isStream }),
      ...(progress === undefined
        ? {}
        : {
            promptTokens: progress.promptTokens,
            completionTokens: progress.completionTokens,
            ...(progress.firstTokenAtMs === undefined
              ? {}
              : { timeToFirstTokenMs: roundMs(progress.firstTokenAtMs - startedAtMs) }),
            finishReasons: progress.finishReasons,
          }),
      ...(isCut ? { cutBy: cutBy ?? clientGoneCode } : {}),
      // A message may quote the request; the code and the name of the field do not.
      ...(error === undefined ? {} : { error: error.code, param: loggedParam(error.param) }),
    };
    if (error !== undefined && error.status >= 500) {
      // The cause is logged where the model becomes unavailable.
      if (error.status === 503) logger.warn(line, "request");
      else logger.error({ ...line, err: error.cause ?? error }, "request failed");
    } else if (quietRoutes.test(route)) {
      logger.debug(line, "request");
    } else {
      logger.info(line, "request");
    }
  }

  function of(request: FastifyRequest): Exchange {
    const known = byRequest.get(request.raw);
    if (known !== undefined) return known;
    const exchange: Exchange = { requestId: request.id, startedAtMs: clock.now() };
    byRequest.set(request.raw, exchange);
    return exchange;
  }

  return {
    of,
    begin(request, response) {
      const bytesBefore = request.raw.socket.bytesWritten ?? 0;
      response.once("close", () => {
        of(request).bodyShare?.release();
        finish(request, response, bytesBefore);
      });
      return of(request);
    },
  };
}
