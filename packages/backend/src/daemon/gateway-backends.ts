import type { ConsulStatus } from "@infernode/discovery/consul";
import type { Logger } from "pino";
import type { GatewaySettings, InfernodeConfig } from "../config/config.ts";
import { BackendError } from "../errors.ts";
import type { LiveBackendTable } from "../gateway/backends/backend-table.ts";
import { combineTables } from "../gateway/backends/combine-tables.ts";
import { createRegistryBackends, type RegistryBackends } from "../gateway/backends/registry-backends.ts";
import { createReplaceableTable } from "../gateway/backends/replaceable-table.ts";
import { createStaticBackends } from "../gateway/backends/static-backends.ts";
import { openDiscovery } from "../registry/open-discovery.ts";
import type { OpenedDiscovery } from "../registry/opened-discovery.ts";
import { resolveSecret } from "../secrets/resolve-secret.ts";

/** The environment of the process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The backends of a gateway: those of its configuration, and those of a registry. */
export interface GatewayBackends extends AsyncDisposable {
  readonly table: LiveBackendTable;
  /** Begins to watch them. @throws BackendError `INVALID_CONFIG` */
  open(): Promise<void>;
  /** Resolves when all that are named have answered and the registry has, or after some time. */
  ready(): Promise<void>;
  /** Takes other settings. @throws BackendError `INVALID_CONFIG`: nothing has changed */
  reload(settings: GatewaySettings): Promise<void>;
  /** `undefined` without a registry. */
  registryStatus(): ConsulStatus | undefined;
}

/** How long a start and a reload wait for the first answers. */
const firstAnswersMs = 3000;

const nothing: LiveBackendTable = {
  list: () => [],
  subscribe: () => () => undefined,
  dispose: () => undefined,
};

/** Resolves when a condition holds, which is looked at after each change of a table, or after some time. */
async function waitUntil(isSo: () => boolean, table: LiveBackendTable): Promise<void> {
  if (isSo()) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      unsubscribe();
      resolve();
    };
    const timer = setTimeout(end, firstAnswersMs);
    const unsubscribe = table.subscribe(() => {
      if (isSo()) end();
    });
  });
}

async function openNamed(settings: GatewaySettings, environment: Environment): Promise<LiveBackendTable> {
  const backends = Object.entries(settings.backends).map(async ([id, { url, apiKey, models }]) => ({
    id,
    url,
    apiKey:
      apiKey === undefined
        ? undefined
        : await resolveSecret(apiKey, `gateway.backends.${id}.apiKey`, environment),
    models,
  }));
  return createStaticBackends(await Promise.all(backends), { intervalMs: settings.pollIntervalMs });
}

/** Creates the backends of a gateway; nothing is asked before `open`. */
export function createGatewayBackends(
  config: Pick<InfernodeConfig, "gateway" | "discovery" | "consul">,
  { environment, logger }: { readonly environment: Environment; readonly logger: Logger },
): GatewayBackends {
  const { serviceName, provider } = config.discovery;
  let settings = config.gateway;
  let opened: OpenedDiscovery | undefined;
  let registered: RegistryBackends | undefined;
  const named = createReplaceableTable(nothing);
  const fromRegistry = createReplaceableTable(nothing);
  const table = combineTables([named, fromRegistry], () => settings.weights);

  const assertSome = ({ backends }: GatewaySettings): void => {
    if (provider !== "embedded" || Object.keys(backends).length > 0) return;
    const message = "expected at least one backend, or discovery.provider with a registry, got none";
    throw new BackendError("INVALID_CONFIG", `gateway.backends: ${message}`);
  };
  const areKnown = (list: LiveBackendTable) => (): boolean => list.list().every(({ isHealthy }) => isHealthy);
  const openRegistry = async (): Promise<void> => {
    opened = await openDiscovery(config, {
      token: environment["CONSUL_HTTP_TOKEN"],
      events: {
        emit: (name, payload) => {
          if (name !== "discovery:registry-state-changed") return;
          logger[payload.state === "reachable" ? "info" : "warn"](payload, "service registry changed");
        },
      },
    });
    registered = createRegistryBackends({
      discovery: opened.provider,
      serviceName,
      onIgnored: ({ id }) => {
        logger.warn({ id }, "a registration is not one of Infernode, and gets no requests");
      },
    });
    fromRegistry.replace(registered);
  };

  return {
    table,
    async open() {
      assertSome(settings);
      named.replace(await openNamed(settings, environment));
      if (provider !== "embedded") await openRegistry();
    },
    async ready() {
      await opened?.looked();
      const isRead = (): boolean => registered === undefined || registered.isKnown;
      await waitUntil(() => isRead() && areKnown(named)(), table);
    },
    async reload(next) {
      assertSome(next);
      const watched = ({ backends, weights, pollIntervalMs }: GatewaySettings): string =>
        JSON.stringify([backends, weights, pollIntervalMs]);
      if (watched(next) !== watched(settings)) {
        const list = await openNamed(next, environment);
        await waitUntil(areKnown(list), list);
        settings = next;
        named.replace(list);
      }
      settings = next;
    },
    registryStatus: () => opened?.status(),
    async [Symbol.asyncDispose]() {
      table.dispose();
      await opened?.provider.dispose();
    },
  };
}
