import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ApiError } from "../api/shared/api-error.ts";
import { createAnswerBudget } from "../api/shared/answer-budget.ts";
import { createHeldResponses } from "../api/shared/held/create-held-responses.ts";
import { readBodyRoute } from "./body/body-route.ts";
import { createBodyReader, largeBodyBytes } from "./body/body-reader.ts";
import { createConnections } from "./connection/connections.ts";
import { cutSlowReader, slowReaderCode } from "./connection/cut-slow-reader.ts";
import { closeQueuedResponse } from "./connection/close-queued-response.ts";
import { createExchanges } from "./exchange.ts";
import { createFormatFinder } from "./format-finder.ts";
import { createHostGuard, pathOfTarget } from "./connection/host-guard.ts";
import type { HttpServer, HttpServerOptions } from "./http-server-options.ts";
import { createSessions } from "./create-sessions.ts";
import { createJsonThread } from "./body/json-thread.ts";
import { createKnownPaths } from "./known-paths.ts";
import { logResponse } from "./log-response.ts";
import { mapHttpError } from "./map-http-error.ts";
import { parseJsonBody } from "./body/parse-json-body.ts";
import { randomId, takeRequestId } from "./connection/request-id.ts";
import { retryHeaders } from "./connection/raw-answer.ts";
import { addRoutes } from "./routes/add-routes.ts";
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
/** Prompts of longer bodies are not hashed, so that finding them holds up no other request. */
const maxHashedBytes = 2 ** 20;

/** Tells how a prompt begins, as a gateway sees it. */
function notePrefixes({ prefixes: listener }: HttpServerOptions, body: Buffer): void {
  if (listener?.isKept !== true || body.length > maxHashedBytes) return;
  const { model, prefixes } = readBodyRoute(body);
  if (model !== undefined) listener.note(model, prefixes);
}

function createParts(options: HttpServerOptions): ServerParts {
  const { service, config, version, logger, metrics } = options;
  const ids = options.ids ?? randomId;
  const clock = options.clock ?? { now: () => performance.now(), epochMs: () => Date.now() };
  const maxConnections = config.maxConnections ?? defaultMaxConnections;
  const knownPaths = createKnownPaths();
  const { session } = config;
  const parts = {
    options,
    connections: createConnections({ maxCount: maxConnections, idleGraceMs: config.idleGraceMs ?? 250 }),
    maxConnections,
    bodies: createBodyReader({
      memoryBytes: config.bodyMemoryBytes ?? defaultBodyMemoryBytes,
      limitBytes: config.bodyLimitBytes,
      // A body is read before its model is known.
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
      held: createHeldResponses(
        {
          maxCount: session.maxResponses,
          responseBytes: session.responseBytes,
          totalBytes: session.memoryBytes,
          holdMs: session.holdMs,
          graceMs: session.graceMs,
        },
        (held) => logResponse(logger, held),
      ),
      storage: options.store && { store: options.store, busyConversations: new Set<string>() },
    },
    exchanges: createExchanges({ logger, metrics, clock }),
    jsonThread: options.jsonThread ?? createJsonThread(),
    knownPaths,
    formats: createFormatFinder(options.formats, knownPaths),
  };
  return { ...parts, sessions: createSessions(parts) };
}

/** No route has a schema: bodies are checked where they are used. */
function refuseSchema(): never {
  throw new Error("expected a route without a schema");
}

async function createApp({ options, formats }: ServerParts): Promise<FastifyInstance> {
  const { ids = randomId } = options;
  // A program that only generates loads no server.
  const { fastify } = await import("fastify");
  return fastify({
    logger: false,
    // In place of Ajv and fast-json-stringify, which take a third of the time that it takes to load fastify.
    schemaController: { compilersFactory: { buildValidator: refuseSchema, buildSerializer: refuseSchema } },
    // `bodies` reads and limits them.
    bodyLimit: Number.MAX_SAFE_INTEGER,
    // Of one parameter of a path; the line of a request is limited with its headers.
    routerOptions: { maxParamLength: 16_384 },
    rewriteUrl: (request) => pathOfTarget(request.url ?? "/"),
    genReqId: (request) => takeRequestId(request.headers["x-request-id"], ids),
    frameworkErrors: (error, request, reply) => {
      const apiError = mapHttpError(error);
      void (reply as FastifyReply)
        .header("x-request-id", request.id)
        .code(apiError.status)
        .send(formats.default.errors.toBody(apiError, request.id));
    },
  });
}

/** Errors, unknown paths and wrong methods: each in its path's format, before the body is read where possible. */
async function addRules(app: FastifyInstance, parts: ServerParts): Promise<void> {
  const { options, exchanges, jsonThread, bodies, hostGuard, knownPaths, formats } = parts;
  const { config } = options;

  app.addHook("onRoute", ({ url, method }) => {
    if (url !== "*") knownPaths.add(url, typeof method === "string" ? [method] : method);
  });
  app.addHook("onRequest", async (request, reply) => {
    exchanges.begin(request, reply.raw);
    closeQueuedResponse(reply.raw, request.raw.socket);
    void reply.header("x-request-id", request.id);
    const { requestIdHeader } = formats.of(request);
    if (requestIdHeader !== undefined) void reply.header(requestIdHeader, request.id);
    hostGuard.assertAllowed(request.raw, request.originalUrl);
  });
  if (config.corsOrigins.length > 0) {
    const { default: cors } = await import("@fastify/cors");
    await app.register(cors, {
      origin: config.corsOrigins.includes("*") ? "*" : [...config.corsOrigins],
      methods: ["GET", "HEAD", "POST", "DELETE", "OPTIONS"],
      exposedHeaders: ["x-request-id", "retry-after", "retry-after-ms"],
      strictPreflight: false,
      maxAge: 600,
    });
  }

  function reject(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { method, url } = request;
    const methods = knownPaths.methodsOf(url);
    const isOptions = method === "OPTIONS";
    // A path with a wildcard accepts names that do not exist.
    if (methods.length === 0 || (!isOptions && methods.includes(method))) {
      throw new ApiError("unknown_url", `Unknown URL: ${method} ${url.slice(0, 200)}; see /docs`);
    }
    const allow = methods.join(", ");
    void reply.header("allow", allow);
    if (isOptions) return reply.code(204).send();
    throw new ApiError("method_not_allowed", `Method not allowed: expected ${allow}, got ${method}`);
  }

  app.addHook("onRequest", async (request, reply) => {
    if (request.is404) return reject(request, reply);
    const encoding = request.headers["content-encoding"];
    if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
      const message = "Expected an uncompressed body: leave out the header `content-encoding`";
      throw new ApiError("unsupported_media_type", message);
    }
    return undefined;
  });
  app.addHook("onSend", async (request, reply) => {
    const exchange = exchanges.of(request);
    cutSlowReader(reply.raw, config.writeTimeoutMs, () => (exchange.cutBy = slowReaderCode));
  });
  app.setNotFoundHandler(reject);
  app.setErrorHandler(async (error, request, reply) => {
    const apiError = mapHttpError(error);
    exchanges.of(request).error = apiError;
    // fastify closes after a rejected body. Closing while bytes arrive resets the connection, and the client loses
    // the answer; kept open, the rest is read and dropped within the request's time.
    if (reply.raw.shouldKeepAlive) void reply.removeHeader("connection");
    else void reply.header("connection", "close");
    const { errors } = formats.of(request);
    return reply
      .code(apiError.status)
      .headers(retryHeaders(apiError))
      .send(errors.toBody(apiError, request.id));
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", async (request: FastifyRequest) => {
    const { bytes, share } = await bodies.read(request.raw);
    const exchange = exchanges.of(request);
    exchange.bodyBytes = bytes.length;
    exchange.bodyShare = share;
    // The response may have been closed meanwhile, which releases the memory only once.
    if (request.raw.destroyed && request.raw.socket.destroyed) share.release();
    const { exactFields: exact } = formats.of(request);
    notePrefixes(options, bytes);
    return bytes.length < largeBodyBytes ? parseJsonBody(bytes, exact) : jsonThread.parse(bytes, exact);
  });
}

/** Creates the HTTP server of a model service. Nothing listens before `listen`. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const parts = createParts(options);
  const app = await createApp(parts);
  await addRules(app, parts);
  addRoutes(app, parts);
  await app.ready();
  return serveApp(app, parts);
}
