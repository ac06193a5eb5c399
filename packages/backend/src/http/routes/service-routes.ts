import {
  arraySchema,
  integerSchema,
  objectSchema,
  textOrNullSchema,
  textSchema,
} from "../../api/shared/json-schema.ts";
import { describeServer } from "../openapi-document.ts";
import type { ServerParts } from "../server-parts.ts";
import type { ServiceRegistry } from "../http-server-options.ts";
import type { ServiceRoute } from "../service-route.ts";

/** The server's version, its metrics, and the devices of the machine. */
export function serviceRoutes({ options, api, sessions }: ServerParts): readonly ServiceRoute[] {
  const { version, metrics, devices, registry } = options;
  const routes: ServiceRoute[] = [
    {
      path: "/version",
      id: "version",
      summary: "The server's version",
      answers: {
        200: {
          description: "The version",
          schema: { name: "Version", schema: objectSchema({ version: textSchema }) },
        },
      },
      handle: async () => ({ version }),
    },
    {
      path: "/metrics",
      id: "metrics",
      summary: "Metrics in Prometheus' text format",
      link: "metrics",
      answers: {
        200: {
          description: "The metrics",
          schema: { name: "Metrics", schema: textSchema },
          mediaType: "text/plain",
        },
      },
      handle: async (_request, reply) => {
        const { runningCount, endedCount, sizeBytes } = api.held.stats();
        metrics.observeSessions?.({
          openSessionCount: sessions.openCount,
          openedSessionCount: sessions.openedCount,
          runningResponseCount: runningCount,
          endedResponseCount: endedCount,
          heldBytes: sizeBytes,
        });
        return reply
          .header("content-type", metrics.contentType)
          .header("cache-control", "no-store")
          .send(await metrics.render());
      },
    },
  ];
  if (devices !== undefined) routes.push(devicesRoute(devices));
  if (registry !== undefined) routes.push(registryRoute(registry));
  return routes;
}

function devicesRoute(devices: NonNullable<ServerParts["options"]["devices"]>): ServiceRoute {
  const memory = objectSchema({ totalBytes: integerSchema, freeBytes: integerSchema, limitedBy: textSchema });
  return {
    // The same as `infernode doctor --json` reports under `memory` and `gpus`.
    path: "/v1/system/devices",
    id: "systemDevices",
    summary: "The memory and the GPUs of the machine",
    answers: {
      200: {
        description: "The devices; `gpus.reason` says why there is no GPU",
        schema: { name: "Devices", schema: objectSchema({ memory, gpus: { type: "object" } }) },
      },
    },
    handle: async (_request, reply) => reply.header("cache-control", "no-store").send(await devices()),
  };
}

function registryRoute(registry: ServiceRegistry): ServiceRoute {
  return {
    // The same as `infernode doctor --json` reports under `registry`, with the registrations of this process.
    path: "/v1/system/registry",
    id: "systemRegistry",
    summary: "The service registry as this server knows it",
    answers: {
      200: {
        description: "What is registered, and what the registry answers; `reason` says why it does not",
        schema: {
          name: "Registry",
          schema: objectSchema(
            {
              provider: textSchema,
              serviceName: textSchema,
              registry: { type: ["object", "null"] },
              checks: arraySchema({ type: "object" }),
              registrations: arraySchema({ type: "object" }),
              instances: arraySchema({ type: "object" }),
              instancesAgeMs: { type: "number" },
              reason: textSchema,
            },
            ["provider", "serviceName", "registry", "registrations"],
          ),
        },
      },
    },
    handle: async (_request, reply) =>
      reply.header("cache-control", "no-store").send(await registry.report()),
  };
}

/** What the server is, and its links. @param routes those of the server itself */
export function rootRoute({ options }: ServerParts, routes: readonly ServiceRoute[]): ServiceRoute {
  const { version, service, formats } = options;
  const linked = [
    ...formats.flatMap(({ codecs }) => codecs.map(({ path, description: { link } }) => ({ path, link }))),
    ...routes,
  ];
  const links = Object.fromEntries(
    linked.flatMap(({ path, link }) => (link === undefined ? [] : [[link, path] as const])),
  );
  const schema = objectSchema({
    name: { const: "infernode" },
    description: textSchema,
    version: textSchema,
    model: textOrNullSchema,
    models: arraySchema(textSchema),
    links: { type: "object", additionalProperties: textSchema },
  });
  return {
    path: "/",
    id: "server",
    summary: "What this server is, and its links",
    answers: { 200: { description: "The server", schema: { name: "Server", schema } } },
    handle: async () => ({
      name: "infernode",
      description: describeServer(formats),
      version,
      model: service.models()[0]?.model?.id ?? null,
      models: service.models().map(({ id }) => id),
      links: { docs: "/docs", ...links },
    }),
  };
}
