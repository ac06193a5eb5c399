import { hostname } from "node:os";
import type { DiscoveryProvider, ServiceInstance } from "@infernode/discovery";
import type { ConsulStatus } from "@infernode/discovery/consul";
import type { Logger } from "pino";
import type { InfernodeConfig } from "../config/config.ts";
import type { EventBus } from "../events/event-bus.ts";
import type { ModelService } from "../models/model-service.ts";
import { operations } from "../operations/registry.ts";
import { packageVersion } from "../package-version.ts";
import { advertisedAddress } from "../registry/advertised-address.ts";
import { openDiscovery } from "../registry/open-discovery.ts";
import { withoutRegistry, type OpenedDiscovery } from "../registry/opened-discovery.ts";
import { createPrefixNotes, type NotedEngine, type PrefixNotes } from "../registry/prefix-notes.ts";
import { publishModels, type ModelPublisher, type PublishedEngine } from "../registry/publish-models.ts";
import { reportRegistry, type RegistryReport } from "../registry/registry-report.ts";

/** The registrations of a daemon, and the registry that they are in. Nothing of a daemon waits for the registry. */
export interface DaemonRegistry {
  /**
   * Opens the provider, without asking the registry anything.
   * @throws BackendError `INVALID_CONFIG`
   */
  open(): Promise<void>;
  /** Registers the models at the port that the daemon listens on. */
  publish(at: { readonly host: string; readonly port: number }): void;
  /** What the digests of cached prefixes are made of; `undefined` where the registry is this process. */
  readonly prefixes: PrefixNotes | undefined;
  /** What is registered, as it is wanted. */
  services(): readonly ServiceInstance[];
  report(): Promise<RegistryReport>;
  /** `undefined` where the registry is this process. */
  status(): ConsulStatus | undefined;
  /** Deregisters all, for good; waits a limited time for the registry. */
  withdraw(timeoutMs: number): Promise<void>;
  dispose(): Promise<void>;
}

/** What a daemon's registry is composed of. */
export interface DaemonRegistryOptions {
  readonly config: InfernodeConfig;
  readonly events: EventBus;
  readonly logger: Logger;
  readonly engines: readonly (PublishedEngine & NotedEngine)[];
  readonly service: Pick<ModelService, "models">;
  /** Not disposed of. [the one of the configuration] */
  readonly discovery: DiscoveryProvider | undefined;
  readonly consulToken: string | undefined;
}

/** Creates the registry of a daemon; nothing is opened. */
export function createDaemonRegistry(options: DaemonRegistryOptions): DaemonRegistry {
  const { config, events, logger, engines, service } = options;
  const { serviceName, tags, updateIntervalMs, advertiseAddress, provider: kind } = config.discovery;
  const { stallAfterMs } = config.health;
  let opened: OpenedDiscovery | undefined;
  let publisher: ModelPublisher | undefined;
  let advertised: string | undefined;
  let isWithdrawn = false;
  const isShared = options.discovery !== undefined || kind !== "embedded";
  const prefixes = isShared ? createPrefixNotes({ engines, service }) : undefined;
  const stopListening = events.on("backend:engine-state-changed", ({ model, to }) => {
    if (to === "starting" || to === "restarting") prefixes?.forget(model);
    publisher?.publish();
  });

  const warn = (error: unknown): void => {
    logger.warn({ err: error }, "the service registry could not be updated");
  };
  const services = (): readonly ServiceInstance[] => publisher?.registrations() ?? [];

  return {
    prefixes,
    async open() {
      if (options.discovery !== undefined) {
        opened = withoutRegistry(options.discovery);
        return;
      }
      if (kind === "consul") {
        const { address, warning } = advertisedAddress({ advertiseAddress, host: config.server.host });
        if (warning !== undefined) logger.warn(warning);
        advertised = address;
      }
      opened = await openDiscovery(config, {
        events,
        token: options.consulToken,
        stallReason: ({ id }) => publisher?.reasonOf(id),
      });
    },
    publish({ host, port }) {
      if (opened === undefined || isWithdrawn) return;
      publisher = publishModels({
        discovery: opened.provider,
        service,
        engines,
        place: {
          serviceName,
          hostName: hostname(),
          address: advertised ?? advertiseAddress ?? host,
          port,
          tags,
        },
        version: packageVersion,
        operations: operations.map(({ name }) => name),
        prefixesOf: (modelId) => prefixes?.digestOf(modelId),
        updateIntervalMs,
        stallAfterMs: kind === "consul" ? Math.min(stallAfterMs, config.consul.ttlMs) : stallAfterMs,
        onError: warn,
      });
    },
    services,
    async report() {
      if (opened === undefined) throw new TypeError("expected an open registry, got one that is not");
      return reportRegistry(opened, config.discovery, services());
    },
    status: () => opened?.status(),
    async withdraw(timeoutMs) {
      isWithdrawn = true;
      stopListening();
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_resolve, reject) => {
        const message = `expected an answer of the service registry within ${timeoutMs} ms, got none`;
        timer = setTimeout(() => reject(new Error(message)), timeoutMs);
      });
      await Promise.race([publisher?.withdraw(), late]).catch((error: unknown) => {
        logger.warn({ err: error }, "the service could not be deregistered");
      });
      clearTimeout(timer);
    },
    async dispose() {
      if (options.discovery === undefined) await opened?.provider.dispose();
    },
  };
}
