import type { DiscoveryProvider, ServiceInstance } from "@infernode/discovery";
import { parseServiceMetadata, type ServiceDescription } from "../../registry/service-metadata.ts";
import { readPrefixDigest } from "../../text/prefix-digest.ts";
import type { Backend } from "../router.ts";
import type { BackendModel, KnownBackend, LiveBackendTable } from "./backend-table.ts";
import { createListeners } from "./listeners.ts";

/** What the table of a registry needs. */
export interface RegistryBackendsOptions {
  readonly discovery: Pick<DiscoveryProvider, "watch">;
  /** Of the services to use. */
  readonly serviceName: string;
  /** Called for an instance whose metadata is not that of a daemon; again only after it was gone. */
  readonly onIgnored?: ((instance: ServiceInstance) => void) | undefined;
}

interface Daemon {
  readonly backend: Backend;
  readonly models: BackendModel[];
  isHealthy: boolean;
}

function describeModel(instance: ServiceInstance, service: ServiceDescription): BackendModel {
  const { running, queued, kvFree, prefixes } = service;
  return {
    id: service.model,
    aliases: service.aliases,
    isReady: instance.state === "passing" && (service.state ?? "ready") === "ready",
    contextTokens: service.contextTokens,
    load:
      running === undefined && queued === undefined
        ? undefined
        : { requests: (running ?? 0) + (queued ?? 0), freeKvShare: kvFree },
    prefixes: prefixes === undefined ? undefined : readPrefixDigest(prefixes),
  };
}

/** Each daemon registers one service for each of its models: those of one address are one backend. */
function readDaemons(
  instances: readonly ServiceInstance[],
  onOther: (instance: ServiceInstance) => void,
): readonly KnownBackend[] {
  const daemons = new Map<string, Daemon>();
  for (const instance of instances) {
    const service = parseServiceMetadata(instance.metadata);
    if (service === undefined || instance.port === 0) {
      // One that does not answer is not known to be another's.
      if (instance.state !== "critical") onOther(instance);
      continue;
    }
    const host = instance.address.includes(":") ? `[${instance.address}]` : instance.address;
    const id = `${host}:${instance.port}`;
    const daemon = daemons.get(id) ?? {
      backend: { id, url: new URL(`${service.protocol}://${id}`), headers: {}, source: "registry" },
      models: [],
      isHealthy: false,
    };
    const model = describeModel(instance, service);
    const before = daemon.models.findIndex((each) => each.id === model.id);
    // A daemon that was killed, and started again under another name, leaves a registration behind for a while.
    if (before < 0) daemon.models.push(model);
    else if (model.isReady) daemon.models[before] = model;
    daemon.isHealthy ||= instance.state !== "critical";
    daemons.set(id, daemon);
  }
  return [...daemons.values()];
}

/** A table of the daemons in a registry. */
export interface RegistryBackends extends LiveBackendTable {
  /** Whether the registry has said which there are. */
  readonly isKnown: boolean;
}

/** Creates a table of the daemons in a registry. While the registry is away, what it said last is used. */
export function createRegistryBackends(options: RegistryBackendsOptions): RegistryBackends {
  const { discovery, serviceName, onIgnored } = options;
  const { subscribe, call } = createListeners();
  const ending = new AbortController();
  let ignored: ReadonlySet<string> = new Set();
  let current: readonly KnownBackend[] | undefined;

  const read = (instances: readonly ServiceInstance[]): void => {
    const others = new Set<string>();
    current = readDaemons(instances, (instance) => {
      others.add(instance.id);
      if (!ignored.has(instance.id)) onIgnored?.(instance);
    });
    ignored = others;
    call();
  };
  const watch = async (): Promise<void> => {
    for await (const instances of discovery.watch(serviceName, { signal: ending.signal })) read(instances);
  };
  // It ends only with the provider.
  void watch().catch(() => undefined);

  return {
    get isKnown() {
      return current !== undefined;
    },
    list: () => current ?? [],
    subscribe,
    dispose: () => ending.abort(),
  };
}
