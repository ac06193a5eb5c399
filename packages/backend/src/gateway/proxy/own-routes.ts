import { ApiError } from "../../api/shared/api-error.ts";
import { describeValue } from "../../text/describe-value.ts";
import type { RoutedModel } from "../router.ts";
import { sendJson, sendWhole, type Client } from "./client.ts";
import type { GatewayServerOptions } from "./gateway-server-options.ts";

/** Answers one path of the gateway itself; `rest` is what a path has after the route. */
export type OwnRoute = (client: Client, rest: string) => Promise<void> | void;

function toModelObject({ id, aliases, isReady, contextTokens, backends }: RoutedModel): object {
  return {
    id,
    object: "model",
    created: 0,
    owned_by: "infernode",
    ...(contextTokens === undefined ? {} : { max_model_len: contextTokens }),
    state: isReady ? "ready" : "unavailable",
    aliases,
    backends,
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ApiError("bad_request", "The path of the URL is not valid percent-encoding");
  }
}

const noStore = ["cache-control", "no-store"];

/** The GET routes of the gateway itself by path; one that ends with `/` takes what follows. */
export function createOwnRoutes(options: GatewayServerOptions): ReadonlyMap<string, OwnRoute> {
  const { router, health, metrics, version, report } = options;

  const sendHealth = async (client: Client, more: object = {}): Promise<void> => {
    const report = await health.report();
    const isUnhealthy = report.status === "unhealthy";
    const headers = isUnhealthy ? [...noStore, "retry-after", "2"] : noStore;
    sendJson(client, { ...report, ...more }, { status: isUnhealthy ? 503 : 200, headers });
  };
  return new Map<string, OwnRoute>([
    [
      "/",
      (client) =>
        sendJson(client, {
          name: "infernode",
          description: "A gateway to servers of language models",
          version,
          models: router.models().map(({ id }) => id),
          links: { models: "/v1/models", health: "/health", metrics: "/metrics" },
        }),
    ],
    ["/version", (client) => sendJson(client, { version })],
    ["/health/live", (client) => sendJson(client, { status: "healthy", reasons: [] }, { headers: noStore })],
    ["/health/ready", async (client) => sendHealth(client)],
    [
      "/health",
      async (client) =>
        sendHealth(client, {
          version,
          models: router.models().map(toModelObject),
          backends: router.backends().map(({ id, source }) => ({ id, source })),
        }),
    ],
    [
      "/metrics",
      async (client) => {
        const body = Buffer.from(await metrics.render());
        const type = ["content-type", metrics.contentType, "content-length", String(body.length)];
        sendWhole(client, { status: 200, headers: [...type, ...noStore], body });
      },
    ],
    ["/v1/system/backends", (client) => sendJson(client, report(), { headers: noStore })],
    [
      "/v1/models",
      (client) => sendJson(client, { object: "list", data: router.models().map(toModelObject) }),
    ],
    [
      "/v1/models/",
      (client, rest) => {
        const name = decode(rest);
        const model = router.models().find(({ id, aliases }) => id === name || aliases.includes(name));
        if (model !== undefined) return sendJson(client, toModelObject(model));
        const message = `The model does not exist: no backend serves ${describeValue(name)}`;
        throw new ApiError("model_not_found", message, { param: "model" });
      },
    ],
  ]);
}

/** Finds the route of a path. */
export function findOwnRoute(
  routes: ReadonlyMap<string, OwnRoute>,
  path: string,
): { readonly pattern: string; readonly route: OwnRoute; readonly rest: string } | undefined {
  const exact = routes.get(path);
  if (exact !== undefined) return { pattern: path, route: exact, rest: "" };
  for (const [pattern, route] of routes) {
    const isPrefix = pattern.length > 1 && pattern.endsWith("/") && path.startsWith(pattern);
    if (isPrefix) return { pattern: `${pattern}*`, route, rest: path.slice(pattern.length) };
  }
  return undefined;
}
