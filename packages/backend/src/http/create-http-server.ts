import cors from "@fastify/cors";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { ApiError } from "../api/shared/api-error.ts";
import { createAnswerBudget } from "../api/shared/answer-budget.ts";
import { createBodyReader, largeBodyBytes } from "./body-reader.ts";
import { createConnections } from "./connections.ts";
import { cutSlowReader, slowReaderCode } from "./cut-slow-reader.ts";
import { closeQueuedResponse } from "./close-queued-response.ts";
import { createExchanges } from "./exchange.ts";
import { createHostGuard, pathOfTarget } from "./host-guard.ts";
import type { HttpServer, HttpServerOptions } from "./http-server-options.ts";
import { createJsonThread } from "./json-thread.ts";
import { createKnownPaths } from "./known-paths.ts";
import { mapHttpError } from "./map-http-error.ts";
import { parseJsonBody } from "./parse-json-body.ts";
import { randomId, takeRequestId } from "./request-id.ts";
import { addApiRoutes } from "./routes/api-routes.ts";
import { addDocsRoutes } from "./routes/docs-routes.ts";
import { addHealthRoutes } from "./routes/health-routes.ts";
import { addModelRoutes } from "./routes/model-routes.ts";
import { addServiceRoutes } from "./routes/service-routes.ts";
import { addSystemRoutes } from "./routes/system-routes.ts";
import { serveApp } from "./serve-app.ts";
import type { ServerParts } from "./server-parts.ts";

export type {
  HttpClock,
  HttpServer,
  HttpServerConfig,
  HttpServerOptions,
  IdSource,
  SystemDevices,
} from "./http-server-options.ts";

const defaultMaxChoices = 128;

const defaultMaxConnections = 1024;
const defaultBodyMemoryBytes = 256 * 2 ** 20;

function createParts(options: HttpServerOptions): ServerParts {
  const { service, config, version, logger, metrics } = options;
  const ids = options.ids ?? randomId;
  const clock = options.clock ?? { now: () => performance.now(), epochMs: () => Date.now() };
  const maxConnections = config.maxConnections ?? defaultMaxConnections;
  return {
    options,
    connections: createConnections({ maxCount: maxConnections, idleGraceMs: config.idleGraceMs ?? 250 }),
    maxConnections,
    bodies: createBodyReader({
      memoryBytes: config.bodyMemoryBytes ?? defaultBodyMemoryBytes,
      limitBytes: config.bodyLimitBytes,
      // A body is read before it says which model it is for.
      contextTokens: () => {
        const contexts = service.models().flatMap(({ model }) => model?.contextTokens ?? []);
        return contexts.length === 0 ? undefined : Math.max(...contexts);
      },
    }),
    hostGuard: createHostGuard(config),
    api: {
      service,
      clock,
      ids,
      version,
      maxChoices: config.maxChoices ?? defaultMaxChoices,
      answers: createAnswerBudget(),
    },
    exchanges: createExchanges({ logger, metrics, clock }),
    jsonThread: options.jsonThread ?? createJsonThread(),
  };
}

function createApp(options: HttpServerOptions): FastifyInstance {
  const { ids = randomId } = options;
  return fastify({
    logger: false,
    // Read and bounded by `bodies`.
    bodyLimit: Number.MAX_SAFE_INTEGER,
    rewriteUrl: (request) => pathOfTarget(request.url ?? "/"),
    genReqId: (request) => takeRequestId(request.headers["x-request-id"], ids),
    frameworkErrors: (error, request, reply) => {
      const apiError = mapHttpError(error);
      void (reply as FastifyReply)
        .header("x-request-id", request.id)
        .code(apiError.status)
        .send(apiError.body);
    },
  });
}

/** Errors, unknown paths and wrong methods: the same JSON for all, before the body is read where possible. */
async function addRules(app: FastifyInstance, parts: ServerParts): Promise<void> {
  const { options, exchanges, jsonThread, bodies, hostGuard } = parts;
  const { config } = options;
  const knownPaths = createKnownPaths();

  app.addHook("onRoute", ({ url, method }) => {
    if (url !== "*") knownPaths.add(url, typeof method === "string" ? [method] : method);
  });
  app.addHook("onRequest", async (request, reply) => {
    exchanges.begin(request, reply.raw);
    closeQueuedResponse(reply.raw, request.raw.socket);
    void reply.header("x-request-id", request.id);
    hostGuard.assertAllowed(request.raw, request.originalUrl);
  });
  if (config.corsOrigins.length > 0) {
    await app.register(cors, {
      origin: config.corsOrigins.includes("*") ? "*" : [...config.corsOrigins],
      methods: ["GET", "HEAD", "POST", "OPTIONS"],
      exposedHeaders: ["x-request-id", "retry-after", "retry-after-ms"],
      strictPreflight: false,
      maxAge: 600,
    });
  }

  function refuse(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
    const methods = knownPaths.methodsOf(request.url);
    const type = "invalid_request_error";
    const isOptions = request.method === "OPTIONS";
    // A path with a wildcard takes names that are not there.
    if (methods.length === 0 || (!isOptions && methods.includes(request.method))) {
      throw new ApiError(`Unknown URL: ${request.method} ${request.url.slice(0, 200)}; see /docs`, {
        status: 404,
        type,
        code: "unknown_url",
      });
    }
    const allow = methods.join(", ");
    if (isOptions) return reply.code(204).header("allow", allow).send();
    throw new ApiError(`The method ${request.method} is not allowed here; allowed: ${allow}`, {
      status: 405,
      type,
      code: "method_not_allowed",
      headers: { allow },
    });
  }

  app.addHook("onRequest", async (request, reply) => {
    if (request.is404) return refuse(request, reply);
    const encoding = request.headers["content-encoding"];
    if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
      throw new ApiError("The body must not be compressed: leave out the header `content-encoding`", {
        status: 415,
        type: "invalid_request_error",
        code: "unsupported_media_type",
      });
    }
    return undefined;
  });
  app.addHook("onSend", async (request, reply) => {
    const exchange = exchanges.of(request);
    cutSlowReader(reply.raw, config.writeTimeoutMs, () => (exchange.cutBy = slowReaderCode));
  });
  app.setNotFoundHandler(refuse);
  app.setErrorHandler(async (error, request, reply) => {
    const apiError = mapHttpError(error);
    exchanges.of(request).error = apiError;
    // fastify closes after a refused body. Closing on bytes that are still coming resets the connection, and the
    // client loses the answer; kept open, the rest is read and thrown away within the request's time.
    if (reply.raw.shouldKeepAlive) void reply.removeHeader("connection");
    else void reply.header("connection", "close");
    return reply.code(apiError.status).headers(apiError.headers).send(apiError.body);
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", async (request: FastifyRequest) => {
    const { bytes, share } = await bodies.read(request.raw);
    const exchange = exchanges.of(request);
    exchange.bodyBytes = bytes.length;
    exchange.bodyShare = share;
    // The response may have been closed meanwhile, which gives the memory back only once.
    if (request.raw.destroyed && request.raw.socket.destroyed) share.release();
    return bytes.length < largeBodyBytes ? parseJsonBody(bytes) : jsonThread.parse(bytes);
  });
}

/** Creates the OpenAI-compatible HTTP server over a model service. Nothing listens before `listen`. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const parts = createParts(options);
  const app = createApp(options);
  await addRules(app, parts);
  addApiRoutes(app, parts);
  addModelRoutes(app, parts);
  addHealthRoutes(app, parts);
  addServiceRoutes(app, parts);
  addSystemRoutes(app, parts);
  await addDocsRoutes(app, parts);
  await app.ready();
  return serveApp(app, parts);
}
