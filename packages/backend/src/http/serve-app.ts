import type { FastifyInstance } from "fastify";
import type { HttpServer } from "./http-server-options.ts";
import { createListeners } from "./connection/listeners.ts";
import type { ServerParts } from "./server-parts.ts";
import { createUpgradeRequest } from "./session/upgrade-request.ts";

/** Sockets in addition to those that are served, for clients that are being rejected. */
const rejectedSockets = 32;

/** After the drain timeout, for the last bytes of aborted answers. */
const flushMs = 500;

function formatUrl(host: string, port: number): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Connects an app to its sockets, and closes both in order. */
export function serveApp(app: FastifyInstance, parts: ServerParts): HttpServer {
  const { options, api, connections, bodies, hostGuard, formats, sessions } = parts;
  const { config, logger } = options;
  const listeners = createListeners({
    config,
    connections,
    maxSockets: parts.maxConnections + rejectedSockets,
    logger,
    errors: formats.default.errors,
    onRequest: (request, response) => app.routing(request, response),
    requestClass: createUpgradeRequest((target) => sessions.hasSession(target)),
    onUpgrade: (request, socket, head) => sessions.upgrade(request, socket, head),
    mayContinue: (request) => Number(request.headers["content-length"] ?? 0) <= bodies.limitBytes(),
  });
  let closeCall: Promise<void> | undefined;
  let deadline: NodeJS.Timeout | undefined;

  const close = async (): Promise<void> => {
    listeners.stopAccepting();
    bodies.stop();
    sessions.drain();
    await connections.close();
    await api.held.dispose();
    clearTimeout(deadline);
    listeners.dispose();
    await app.close();
    await parts.jsonThread.dispose();
  };
  const closeOnce = (): Promise<void> => (closeCall ??= close());
  return {
    async listen(address) {
      const { host } = address;
      const { port, addresses } = await listeners.listen(address);
      hostGuard.setAddresses(addresses, host);
      return { host, port, url: formatUrl(host, port) };
    },
    drain({ timeoutMs }) {
      connections.drain();
      sessions.drain();
      deadline ??= setTimeout(() => connections.destroyAll(), timeoutMs + flushMs);
    },
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce,
  };
}
