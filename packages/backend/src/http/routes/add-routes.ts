import type { FastifyInstance } from "fastify";
import type { JsonMap } from "../../api/shared/json-schema.ts";
import type { DescribedModel } from "../../api/shared/codec.ts";
import type { ModelService } from "../../models/model-service.ts";
import { createOpenApiDocument } from "../openapi-document.ts";
import type { ServerParts } from "../server-parts.ts";
import type { ServiceRoute } from "../service-route.ts";
import { addApiRoutes } from "./api-routes.ts";
import { addDocsPage, openApiRoute } from "./docs-routes.ts";
import { healthRoutes } from "./health-routes.ts";
import { rootRoute, serviceRoutes } from "./service-routes.ts";

/** The model of the examples, with a vocabulary that has the tokens of every model. */
function describeModels(service: ModelService): DescribedModel {
  const statuses = service.models();
  const { id = "model" } = statuses.find(({ state }) => state === "ready") ?? statuses[0] ?? {};
  const sizes = statuses.map(({ model }) => model?.vocabSize);
  const known = sizes.filter((size) => size !== undefined);
  return {
    id,
    vocabSize: known.length > 0 && known.length === sizes.length ? Math.max(...known) : undefined,
  };
}

/** Adds the routes of the wire formats, those of the server itself, and a document that describes all of them. */
export function addRoutes(app: FastifyInstance, parts: ServerParts): void {
  const { version, service, formats } = parts.options;
  const describe = (): JsonMap =>
    createOpenApiDocument({
      version,
      model: describeModels(service),
      formats,
      routes,
    });
  const own: readonly ServiceRoute[] = [
    ...healthRoutes(parts),
    ...serviceRoutes(parts),
    openApiRoute(describe),
  ];
  const routes = [...own, rootRoute(parts, own)];
  addApiRoutes(app, parts);
  for (const route of routes) {
    app.get(route.path, async (request, reply) => route.handle(request, reply));
  }
  addDocsPage(app, describe);
}
