import cors from "@fastify/cors";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { BackendError } from "../errors.ts";
import { ApiError } from "../openai/api-error.ts";
import { answerClientError } from "./client-error.ts";
import { cutSlowReader, slowReaderCode } from "./cut-slow-reader.ts";
import { closeQueuedResponse } from "./close-queued-response.ts";
import { createExchanges } from "./exchange.ts";
import type { HttpServer, HttpServerConfig, HttpServerOptions } from "./http-server-options.ts";
import { createJsonThread } from "./json-thread.ts";
import { createKnownPaths } from "./known-paths.ts";
import { mapHttpError } from "./map-http-error.ts";
import { parseJsonBody } from "./parse-json-body.ts";
import { randomId, takeRequestId } from "./request-id.ts";
import { addDocsRoutes } from "./routes/docs-routes.ts";
import { addGenerationRoutes } from "./routes/generation-routes.ts";
import { addHealthRoutes } from "./routes/health-routes.ts";
import { addModelRoutes } from "./routes/model-routes.ts";
import { addServiceRoutes } from "./routes/service-routes.ts";
import { addSystemRoutes } from "./routes/system-routes.ts";
import type { ServerParts } from "./server-parts.ts";

export type {
  HttpClock,
  HttpMetrics,
  HttpSample,
  HttpServer,
  HttpServerConfig,
  HttpServerOptions,
  IdSource,
  SystemDevices,
} from "./http-server-options.ts";

const defaultMaxChoices = 128;

/** Parsing a smaller body takes less time than a turn of the loop may. */
const largeBodyBytes = 65_536;

function createParts(options: HttpServerOptions): ServerParts {
  const { engine, config, version, logger, metrics } = options;
  const ids = options.ids ?? randomId;
  const clock = options.clock ?? { now: () => performance.now(), epochMs: () => Date.now() };
  return {
    options,
    operations: { engine, clock, ids, version, maxChoices: config.maxChoices ?? defaultMaxChoices },
    exchanges: createExchanges({ logger, metrics, clock }),
    jsonThread: options.jsonThread ?? createJsonThread(),
  };
}

function createApp(options: HttpServerOptions): FastifyInstance {
  const { config, ids = randomId } = options;
  return fastify({
    logger: false,
    bodyLimit: config.bodyLimitBytes,
    requestTimeout: config.requestTimeoutMs,
    keepAliveTimeout: config.keepAliveTimeoutMs,
    // An answer may take as long as it takes; readers that take nothing are cut by the stream itself.
    connectionTimeout: 0,
    // A request without one is answered by the rules below, as JSON.
    http: { noDelay: true, requireHostHeader: false },
    forceCloseConnections: "idle",
    return503OnClosing: false,
    genReqId: (request) => takeRequestId(request.headers["x-request-id"], ids),
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => {
      const apiError = mapHttpError(error, config);
      void (reply as FastifyReply)
        .header("x-request-id", request.id)
        .code(apiError.status)
        .send(apiError.body);
    },
  });
}

/** Errors, unknown paths and wrong methods: the same JSON for all, before the body is read where possible. */
async function addRules(app: FastifyInstance, parts: ServerParts): Promise<void> {
  const { options, exchanges, jsonThread } = parts;
  const { config } = options;
  const knownPaths = createKnownPaths();

  app.addHook("onRoute", ({ url, method }) => {
    if (url !== "*") knownPaths.add(url, typeof method === "string" ? [method] : method);
  });
  app.addHook("onRequest", async (request, reply) => {
    exchanges.begin(request, reply.raw);
    closeQueuedResponse(reply.raw, request.raw.socket);
    void reply.header("x-request-id", request.id);
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
    if (methods.length === 0) {
      throw new ApiError(`Unknown URL: ${request.method} ${request.url.slice(0, 200)}; see /docs`, {
        status: 404,
        type,
        code: "unknown_url",
      });
    }
    const allow = methods.join(", ");
    if (request.method === "OPTIONS") return reply.code(204).header("allow", allow).send();
    throw new ApiError(`The method ${request.method} is not allowed here; allowed: ${allow}`, {
      status: 405,
      type,
      code: "method_not_allowed",
      headers: { allow },
    });
  }

  app.addHook("onRequest", async (request, reply) => {
    if (request.headers.host === undefined && request.raw.httpVersion === "1.1") {
      throw new ApiError("A request of HTTP/1.1 must have the header `host`", {
        status: 400,
        type: "invalid_request_error",
        code: "bad_request",
      });
    }
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
    const apiError = mapHttpError(error, config);
    exchanges.of(request).error = apiError;
    // fastify closes after a refused body. Closing on bytes that are still coming resets the connection, and the
    // client loses the answer; kept open, the rest is read and thrown away within the request's time.
    void reply.removeHeader("connection");
    return reply.code(apiError.status).headers(apiError.headers).send(apiError.body);
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    "application/json",
    { parseAs: "buffer" },
    async (request: FastifyRequest, body: Buffer) => {
      exchanges.of(request).bodyBytes = body.length;
      return body.length < largeBodyBytes ? parseJsonBody(body) : jsonThread.parse(body);
    },
  );
}

/** A client that asks before it sends its body is told to go on, except with a body that would be refused. */
function answerExpectations({ server }: FastifyInstance, { bodyLimitBytes }: HttpServerConfig): void {
  server.on("checkContinue", (request, response) => {
    if (Number(request.headers["content-length"] ?? 0) > bodyLimitBytes) response.shouldKeepAlive = false;
    else response.writeContinue();
    server.emit("request", request, response);
  });
  server.on("checkExpectation", (request, response) => server.emit("request", request, response));
}

async function listen(
  app: FastifyInstance,
  address: { readonly host: string; readonly port: number },
): ReturnType<HttpServer["listen"]> {
  const { host, port } = address;
  try {
    await app.listen({ host, port });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const isInUse = code === "EADDRINUSE";
    throw new BackendError(
      isInUse ? "PORT_IN_USE" : "LISTEN_FAILED",
      `cannot listen on ${host}:${port}: ${isInUse ? "the port is in use" : message}`,
      { cause },
    );
  }
  const bound = app.server.address();
  const taken = typeof bound === "object" && bound !== null ? bound.port : port;
  return { host, port: taken, url: `http://${host.includes(":") ? `[${host}]` : host}:${taken}` };
}

/** Creates the OpenAI-compatible HTTP server over an engine. Nothing listens before `listen`. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const parts = createParts(options);
  const app = createApp(options);
  await addRules(app, parts);
  addGenerationRoutes(app, parts);
  addModelRoutes(app, parts);
  addHealthRoutes(app, parts);
  addServiceRoutes(app, parts);
  addSystemRoutes(app, parts);
  await addDocsRoutes(app, parts);
  answerExpectations(app, options.config);
  await app.ready();

  const close = async (): Promise<void> => {
    const closed = app.close();
    app.server.on("connection", (socket) => socket.destroy());
    // Connections that wait for a next request, or were opened for one, would hold it up until they time out.
    parts.exchanges.onIdle(() => app.server.closeAllConnections());
    await closed;
    await parts.jsonThread.dispose();
  };
  return { listen: async (address) => listen(app, address), close, [Symbol.asyncDispose]: close };
}
