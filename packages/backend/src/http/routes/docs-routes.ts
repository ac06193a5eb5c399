import swagger, { type FastifyStaticSwaggerOptions } from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import type { JsonMap } from "../../api/shared/body/fields.ts";
import { toJsonText } from "../json-text.ts";
import { createOpenApiDocument } from "../openapi-document.ts";
import type { ServerParts } from "../server-parts.ts";

/** The page loads nothing from elsewhere. */
const contentSecurityPolicy =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self'; object-src 'none'; frame-ancestors 'self'";

/** Adds the OpenAPI description and a page that shows it. */
export async function addDocsRoutes(server: FastifyInstance, parts: ServerParts): Promise<void> {
  await server.register(async (app) => registerDocs(app, parts));
}

async function registerDocs(app: FastifyInstance, { options }: ServerParts): Promise<void> {
  app.setReplySerializer(toJsonText);
  const { version, service } = options;
  // Its examples ask the model that is served, so that they run as they are.
  const describe = (): JsonMap =>
    createOpenApiDocument({ version, model: service.models()[0]?.model ?? { id: "model" } });
  // The plug-in's types stop at OpenAPI 3.0; it passes the document on as it is.
  const specification = { document: describe() } as unknown as FastifyStaticSwaggerOptions["specification"];
  await app.register(swagger, { mode: "static", specification });
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: contentSecurityPolicy,
    transformSpecification: describe,
    transformSpecificationClone: false,
    // The page would otherwise ask a server of others whether the description is valid.
    uiConfig: { validatorUrl: null, deepLinking: true },
    // Without the bar of the page's maker, which would load another description.
    theme: {
      title: "Infernode API",
      css: [{ filename: "own.css", content: ".swagger-ui .topbar { display: none }" }],
    },
  });
  app.get("/openapi.json", async (_request, reply) =>
    reply.header("content-type", "application/json; charset=utf-8").send(describe()),
  );
}
