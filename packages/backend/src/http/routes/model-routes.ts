import type { FastifyInstance } from "fastify";
import { listModels, retrieveModel } from "../../api/openai/list-models.ts";
import type { ServerParts } from "../server-parts.ts";

/** Adds the list of models. An id may have slashes, encoded or not. */
export function addModelRoutes(app: FastifyInstance, { options }: ServerParts): void {
  app.get("/v1/models", async () => listModels(options.service));
  app.route<{ Params: { "*": string } }>({
    method: "GET",
    url: "/v1/models/*",
    handler: async (request) => retrieveModel(options.service, request.params["*"]),
  });
}
