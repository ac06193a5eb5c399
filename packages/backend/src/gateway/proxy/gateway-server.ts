import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { ApiError } from "../../api/shared/api-error.ts";
import type { ErrorFormat } from "../../api/shared/wire-format.ts";
import { toApiError } from "../../api/shared/to-api-error.ts";
import { createBodyReader } from "../../http/body/body-reader.ts";
import { abortWhenClientGone } from "../../http/connection/client-gone.ts";
import { closeQueuedResponse } from "../../http/connection/close-queued-response.ts";
import { createConnections } from "../../http/connection/connections.ts";
import { createHostGuard, pathOfTarget } from "../../http/connection/host-guard.ts";
import { sendRawAnswer } from "../../http/connection/raw-answer.ts";
import { takeRequestId } from "../../http/connection/request-id.ts";
import type { HttpServer } from "../../http/http-server-options.ts";
import { serveSockets } from "../../http/serve-sockets.ts";
import { createUpgradeRequest } from "../../http/session/upgrade-request.ts";
import { sendError, sendWhole, type Client } from "./client.ts";
import { crossOriginHeaders } from "./cross-origin.ts";
import { startDeadline } from "./deadline.ts";
import { createForwardedPaths } from "./forwarded-paths.ts";
import { beginExchange, type GatewayExchange } from "./gateway-exchange.ts";
import type { GatewayServerOptions } from "./gateway-server-options.ts";
import { createOwnRoutes, findOwnRoute } from "./own-routes.ts";
import { createOwners } from "./owners.ts";
import { pathOf, proxyRequest, type ProxyOptions } from "./proxy-request.ts";
import { createRetryBudget } from "./retry-budget.ts";
import { tunnelSession } from "./tunnel-session.ts";
import { createUpstream } from "./upstream.ts";

/** Responses and conversations whose backend is known. */
const maxOwners = 65_536;

const ownMethods = ["GET", "HEAD", "OPTIONS"];

function assertUncompressed({ headers }: IncomingMessage): void {
  const encoding = headers["content-encoding"];
  if (encoding === undefined || encoding.toLowerCase() === "identity") return;
  const message = "Expected an uncompressed body: leave out the header `content-encoding`";
  throw new ApiError("unsupported_media_type", message);
}

/** Creates the HTTP server of a gateway. Nothing listens before `listen`. */
export function createGatewayServer(options: GatewayServerOptions): HttpServer {
  const { router, formats, config, limits, logger, metrics, ids } = options;
  const connections = createConnections({
    maxCount: config.maxConnections,
    idleGraceMs: config.idleGraceMs ?? 250,
  });
  const bodies = createBodyReader({
    memoryBytes: config.bodyMemoryBytes,
    limitBytes: config.bodyLimitBytes,
    contextTokens: () => {
      const known = router.models().flatMap(({ contextTokens }) => contextTokens ?? []);
      return known.length === 0 ? undefined : Math.max(...known);
    },
  });
  const hostGuard = createHostGuard(config);
  const upstream = createUpstream(limits);
  const factsOf = createForwardedPaths(formats);
  const routes = createOwnRoutes(options);
  const proxy: ProxyOptions = {
    router,
    upstream,
    bodies,
    budget: createRetryBudget(limits),
    owners: createOwners(maxOwners),
    limits,
    logger,
    onAttempt: (sample) => metrics.observeAttempt(sample),
  };

  const setDeadline = (client: Client): void => {
    const { request, response, signal: gone } = client;
    const deadline = startDeadline({ request, response, gone, now: () => options.clock.now() });
    if (deadline === undefined) return;
    client.signal = deadline.signal;
    client.leftMs = () => deadline.leftMs();
  };
  const answer = async (client: Client, target: string, exchange: GatewayExchange): Promise<void> => {
    const { request } = client;
    const { method = "GET" } = request;
    const path = pathOf(target);
    const own = findOwnRoute(routes, path);
    const { pattern, isForwarded } = factsOf(path);
    exchange.route = own?.pattern ?? pattern;
    hostGuard.assertAllowed(request, request.url ?? "");
    if (own === undefined && !isForwarded) {
      throw new ApiError("unknown_url", `Unknown URL: ${method} ${path.slice(0, 200)}`);
    }
    if (method === "OPTIONS") return sendWhole(client, { status: 204, headers: [], body: Buffer.alloc(0) });
    if (own !== undefined) {
      if (ownMethods.includes(method)) return own.route(client, own.rest);
      const message = `Method not allowed: expected ${ownMethods.join(", ")}, got ${method}`;
      throw new ApiError("method_not_allowed", message);
    }
    assertUncompressed(request);
    setDeadline(client);
    return proxyRequest(client, target, { options: proxy, record: exchange });
  };

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const requestId = takeRequestId(request.headers["x-request-id"], ids);
    const exchange = beginExchange(request, response, { requestId, options });
    closeQueuedResponse(response, request.socket);
    const target = pathOfTarget(request.url ?? "/");
    const { errors, requestIdHeader } = factsOf(pathOf(target));
    const gone = abortWhenClientGone(response);
    const client: Client = {
      request,
      response,
      requestId,
      errors,
      signal: gone,
      leftMs: undefined,
      writeTimeoutMs: config.writeTimeoutMs,
      headers: [
        "x-request-id",
        requestId,
        ...(requestIdHeader === undefined ? [] : [requestIdHeader, requestId]),
        ...crossOriginHeaders(request, config.corsOrigins),
      ],
      isStream: false,
      hasContent: false,
    };
    answer(client, target, exchange)
      .catch((error: unknown) => {
        if (gone.aborted) return;
        exchange.error = toApiError(error);
        sendError(client, exchange.error);
      })
      .finally(() => request.resume());
  };

  const sessionAt = (target: string): ErrorFormat | undefined =>
    formats.find(({ session }) => session?.path === pathOf(pathOfTarget(target)))?.errors;
  const onUpgrade = (request: IncomingMessage, socket: Socket, head: Buffer): void => {
    const { url = "/" } = request;
    const requestId = takeRequestId(request.headers["x-request-id"], ids);
    const open = async (): Promise<void> => {
      hostGuard.assertSessionAllowed(request, url);
      const client = { request, socket, head, target: pathOfTarget(url), requestId };
      await tunnelSession(client, { ...proxy, onOpen: (each) => connections.becomeSession(each) });
    };
    socket.on("error", () => undefined);
    open().catch((error: unknown) => {
      const errors = sessionAt(url);
      if (socket.destroyed || errors === undefined) socket.destroy();
      else sendRawAnswer(socket, toApiError(error), { errors });
    });
  };

  return serveSockets({
    config,
    connections,
    maxConnections: config.maxConnections,
    bodies,
    hostGuard,
    logger,
    errors: formats[0].errors,
    onRequest,
    requestClass: createUpgradeRequest((target) => sessionAt(target) !== undefined),
    onUpgrade,
    dispose: async () => upstream[Symbol.dispose](),
  });
}
