import type { FastifyStaticSwaggerOptions } from "@fastify/swagger";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { JsonMap } from "../../api/shared/json-schema.ts";
import { toJsonText } from "../body/json-text.ts";
import type { ServiceRoute } from "../service-route.ts";

/** The page loads nothing from elsewhere. */
const contentSecurityPolicy =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self'; object-src 'none'; frame-ancestors 'self'";

/** Creates the route of the OpenAPI document. */
export function openApiRoute(describe: () => JsonMap): ServiceRoute {
  return {
    path: "/openapi.json",
    id: "openapi",
    summary: "This document",
    link: "openapi",
    answers: {
      200: { description: "The document", schema: { name: "OpenApiDocument", schema: { type: "object" } } },
    },
    handle: async (_request, reply) =>
      reply.header("content-type", "application/json; charset=utf-8").send(toJsonText(describe())),
  };
}

/** Adds a page that shows the document. What it consists of is loaded when somebody looks at it. */
export function addDocsPage(server: FastifyInstance, describe: () => JsonMap): void {
  let opened: Promise<FastifyInstance> | undefined;
  const show = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const page = await (opened ??= openPage(describe));
    const { method, url, headers } = request;
    const asked = { method: method === "HEAD" ? "HEAD" : "GET", url, headers } as const;
    const { statusCode, headers: answered, rawPayload } = await page.inject(asked);
    if (statusCode !== 404) return reply.code(statusCode).headers(answered).send(rawPayload);
    reply.callNotFound();
    return undefined;
  };
  server.get("/docs", show);
  server.get("/docs/*", show);
  server.addHook("onClose", async () => (await opened)?.close());
}

async function openPage(describe: () => JsonMap): Promise<FastifyInstance> {
  const { fastify } = await import("fastify");
  const app = fastify({ logger: false });
  await registerDocs(app, describe);
  await app.ready();
  return app;
}

async function registerDocs(app: FastifyInstance, describe: () => JsonMap): Promise<void> {
  const { default: swagger } = await import("@fastify/swagger");
  const { default: swaggerUi } = await import("@fastify/swagger-ui");
  app.setReplySerializer(toJsonText);
  // The plug-in's types stop at OpenAPI 3.0; it sends the document as it is.
  const specification = { document: describe() } as unknown as FastifyStaticSwaggerOptions["specification"];
  await app.register(swagger, { mode: "static", specification });
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: contentSecurityPolicy,
    transformSpecification: describe,
    transformSpecificationClone: false,
    // Otherwise the page asks a foreign server whether the description is valid.
    uiConfig: { validatorUrl: null, deepLinking: true },
    // Without the top bar, which would load another description.
    theme: {
      title: "Infernode API",
      css: [{ filename: "own.css", content: ".swagger-ui .topbar { display: none }" }],
    },
  });
}
