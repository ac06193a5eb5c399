import { fastify } from "fastify";
import { BackendError } from "../errors.ts";
import type { HttpServer, HttpServerOptions } from "./http-server-options.ts";

export type {
  HttpClock,
  HttpMetrics,
  HttpSample,
  HttpServer,
  HttpServerConfig,
  HttpServerOptions,
  IdSource,
} from "./http-server-options.ts";

/** Creates the OpenAI-compatible HTTP server over an engine. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const app = fastify({ bodyLimit: options.config.bodyLimitBytes });
  await app.ready();

  const close = (): Promise<void> => app.close();
  return {
    async listen({ host, port }) {
      try {
        const url = await app.listen({ host, port });
        const address = app.server.address();
        return { host, port: typeof address === "object" && address !== null ? address.port : port, url };
      } catch (cause) {
        const inUse = (cause as NodeJS.ErrnoException).code === "EADDRINUSE";
        throw new BackendError(
          inUse ? "PORT_IN_USE" : "LISTEN_FAILED",
          `cannot listen on ${host}:${port}: ${inUse ? "the port is in use" : String(cause)}`,
          { cause },
        );
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
