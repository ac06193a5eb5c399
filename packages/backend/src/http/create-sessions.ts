import { takeRequestId } from "./connection/request-id.ts";
import { largeBodyBytes, memoryPerByte } from "./body/body-reader.ts";
import { parseJsonBody } from "./body/parse-json-body.ts";
import { leaveOut } from "./ignored-parameters.ts";
import type { ServerParts } from "./server-parts.ts";
import { createSessionServer, type ServedSession, type SessionServer } from "./session/session-server.ts";

/** Creates the WebSockets of the formats that have them. */
export function createSessions(parts: Omit<ServerParts, "sessions">): SessionServer {
  const { options, api, bodies, jsonThread, hostGuard, connections } = parts;
  const { config, logger } = options;
  const sessions = options.formats.flatMap(({ session, errors, exactFields }): ServedSession[] => {
    if (session === undefined) return [];
    return [
      {
        path: session.path,
        errors,
        open: (peer) => session.open(peer, api),
        connection: {
          logger,
          clock: api.clock,
          config: { ...config, idleTimeoutMs: config.session.idleTimeoutMs },
          messages: {
            limitBytes: () => bodies.limitBytes(),
            memoryPerByte,
            openShare: () => bodies.openShare(),
            parse: async (bytes) =>
              bytes.length < largeBodyBytes
                ? parseJsonBody(bytes, exactFields)
                : jsonThread.parse(bytes, exactFields),
          },
          leaveOut: (body, namesOf, requestId) =>
            config.lenient === true ? leaveOut(body, namesOf(body), { logger, requestId }).body : body,
        },
      },
    ];
  });
  return createSessionServer({
    sessions,
    maxCount: config.session.maxSessions,
    assertAllowed: (request) => hostGuard.assertSessionAllowed(request, request.url ?? ""),
    takeRequestId: ({ headers }) => takeRequestId(headers["x-request-id"], api.ids),
    onOpen: (socket) => connections.becomeSession(socket),
  });
}
