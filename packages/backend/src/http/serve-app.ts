import type { FastifyInstance } from "fastify";
import type { HttpServer } from "./http-server-options.ts";
import { serveSockets } from "./serve-sockets.ts";
import type { ServerParts } from "./server-parts.ts";
import { createUpgradeRequest } from "./session/upgrade-request.ts";

/** Connects an app to its sockets. */
export function serveApp(app: FastifyInstance, parts: ServerParts): HttpServer {
  const { options, api, connections, maxConnections, bodies, hostGuard, formats, sessions } = parts;
  const { config, logger } = options;
  return serveSockets({
    config,
    connections,
    maxConnections,
    bodies,
    hostGuard,
    logger,
    errors: formats.default.errors,
    onRequest: (request, response) => app.routing(request, response),
    requestClass: createUpgradeRequest((target) => sessions.hasSession(target)),
    onUpgrade: (request, socket, head) => sessions.upgrade(request, socket, head),
    onDrain: () => sessions.drain(),
    onClosed: () => api.held.dispose(),
    dispose: async () => {
      await app.close();
      await parts.jsonThread.dispose();
    },
  });
}
