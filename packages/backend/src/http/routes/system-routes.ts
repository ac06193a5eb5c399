import type { FastifyInstance } from "fastify";
import type { ServerParts } from "../server-parts.ts";

/** Adds what the machine has: the same as `infernode doctor --json` says under `memory` and `gpus`. */
export function addSystemRoutes(app: FastifyInstance, { options }: ServerParts): void {
  const { devices } = options;
  if (devices === undefined) return;
  app.get("/v1/system/devices", async (_request, reply) =>
    reply.header("cache-control", "no-store").send(await devices()),
  );
}
