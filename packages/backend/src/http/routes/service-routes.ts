import type { FastifyInstance } from "fastify";
import type { ServerParts } from "../server-parts.ts";

const links: Readonly<Record<string, string>> = {
  docs: "/docs",
  openapi: "/openapi.json",
  models: "/v1/models",
  chat: "/v1/chat/completions",
  completions: "/v1/completions",
  health: "/health",
  metrics: "/metrics",
};

/** Adds what the server says of itself: what it is, its version, its metrics. */
export function addServiceRoutes(app: FastifyInstance, { options }: ServerParts): void {
  const { version, metrics, service } = options;
  app.get("/", async () => ({
    name: "infernode",
    description: "An OpenAI-compatible server for language models",
    version,
    model: service.models()[0]?.model?.id ?? null,
    links,
  }));
  app.get("/version", async () => ({ version }));
  app.get("/metrics", async (_request, reply) =>
    reply
      .header("content-type", metrics.contentType)
      .header("cache-control", "no-store")
      .send(await metrics.render()),
  );
}
