import { changeInstance, matchesFilter, registrationOf } from "../change-instance.ts";
import type { DiscoveryProvider, RegisteredService, ServiceInstance } from "../discovery-provider.ts";
import { DiscoveryError, duplicateId, notRegistered } from "../errors.ts";
import type { RegistryState } from "../events.ts";
import { iterateLatest } from "../latest-iterable.ts";
import { parseServiceRegistration, parseServiceState } from "../service-registration.ts";
import { createConsulClient } from "./consul-client.ts";
import { resolveConsulOptions, type ConsulDiscoveryOptions } from "./consul-options.ts";
import { createServiceKeeper, type ServiceKeeper } from "./service-keeper.ts";
import { createServiceWatch, type ServiceWatch } from "./service-watch.ts";

/** How a Consul provider stands with its agent. */
export interface ConsulStatus {
  readonly url: string;
  /** `undefined` before the first request. */
  readonly state: RegistryState | undefined;
  /** Why requests fail. */
  readonly reason: string | undefined;
  /** Since a request succeeded; `undefined` if none did. */
  readonly contactAgeMs: number | undefined;
  /** What this provider registers; `isConfirmed`: Consul has it as it is wanted. */
  readonly registrations: readonly {
    readonly id: string;
    readonly isConfirmed: boolean;
    readonly reason: string | undefined;
  }[];
  /** Lists that are known, and since when they are known to be so; one that is waited on is of now. */
  readonly lists: readonly { readonly name: string; readonly ageMs: number }[];
}

/** A provider over a Consul agent. */
export interface ConsulDiscovery extends DiscoveryProvider {
  status(): ConsulStatus;
}

/** The service as which Consul's own servers are registered. */
const serverName = "consul";
/** How many services are read at once by a list without a name. */
const readsAtOnce = 8;

/**
 * Creates a provider over the local agent of a Consul cluster. What is registered is wanted until it is
 * deregistered: if Consul is down, refuses or loses it, it is told again. Lists are the last known ones while Consul
 * is down; `status` has their age.
 * @throws DiscoveryError `INVALID_OPTION`
 */
export function createConsulDiscovery(input: ConsulDiscoveryOptions = {}): ConsulDiscovery {
  const options = resolveConsulOptions(input);
  const { clock, events } = options;
  const client = createConsulClient(options);
  const instances = new Map<string, ServiceInstance>();
  const keepers = new Map<string, ServiceKeeper>();
  const watches = new Map<string, ServiceWatch>();
  let state: RegistryState | undefined;
  let reason: string | undefined;
  let contactAtMs: number | undefined;
  let disposeCall: Promise<void> | undefined;

  function assertAlive(): void {
    if (disposeCall !== undefined) {
      throw new DiscoveryError("PROVIDER_DISPOSED", "expected a live provider, got a disposed one");
    }
  }

  function onOutcome(error: unknown): void {
    if (error === undefined) contactAtMs = clock.now();
    const isRefused = error instanceof DiscoveryError && error.code === "REGISTRY_REFUSED";
    const next = error === undefined ? "reachable" : isRefused ? "refused" : "unreachable";
    reason = error instanceof Error ? error.message : undefined;
    if (next === state) return;
    state = next;
    events?.emit("discovery:registry-state-changed", { registry: "consul", state, reason });
  }

  function keeperOf(id: string): ServiceKeeper {
    const keeper = keepers.get(id) ?? createServiceKeeper({ id, client, options, onOutcome });
    keepers.set(id, keeper);
    return keeper;
  }

  function watchOf(name: string): ServiceWatch {
    const watch = watches.get(name) ?? createServiceWatch({ name, client, options, onOutcome });
    watches.set(name, watch);
    return watch;
  }

  async function read<Value>(ask: () => Promise<Value>): Promise<Value> {
    try {
      const value = await ask();
      onOutcome(undefined);
      return value;
    } catch (error) {
      if (disposeCall === undefined) onOutcome(error);
      throw error;
    }
  }

  /** Asks Consul; falls back to the list that is known. */
  async function listNamed(name: string): Promise<readonly ServiceInstance[]> {
    try {
      const { instances: found } = await read(() => client.readService(name));
      if (found.length > 0 || watches.has(name)) watchOf(name).note(found);
      return found;
    } catch (error) {
      const known = watches.get(name)?.known;
      if (known === undefined) throw error;
      return known.instances;
    }
  }

  async function listAll(tag: string | undefined): Promise<readonly ServiceInstance[]> {
    let names: readonly string[];
    try {
      const all = await read(() => client.readNames());
      names = [...all].flatMap(([name, tags]) =>
        name !== serverName && (tag === undefined || tags.includes(tag)) ? [name] : [],
      );
    } catch (error) {
      names = [...watches].flatMap(([name, { known }]) => (known === undefined ? [] : [name]));
      if (names.length === 0) throw error;
    }
    const lists: (readonly ServiceInstance[])[] = [];
    for (let start = 0; start < names.length; start += readsAtOnce) {
      lists.push(...(await Promise.all(names.slice(start, start + readsAtOnce).map(listNamed))));
    }
    return lists.flat();
  }

  async function remove(service: ServiceInstance): Promise<void> {
    const { id } = service;
    instances.delete(id);
    const keeper = keeperOf(id);
    const told = keeper.want(undefined);
    events?.emit("discovery:service-deregistered", { service });
    await told;
    // One that could not tell Consul goes on.
    if (!instances.has(id) && keeper.isConfirmed) keepers.delete(id);
  }

  function createHandle(first: ServiceInstance): RegisteredService {
    let current = first;
    return {
      get service() {
        return registrationOf(current);
      },
      async update(change) {
        assertAlive();
        if (instances.get(current.id) !== current) {
          throw notRegistered(current.id);
        }
        const next = changeInstance(current, change);
        if (next === current) return;
        const previousState = current.state;
        current = Object.freeze(next);
        instances.set(current.id, current);
        const told = keeperOf(current.id).want(current);
        events?.emit("discovery:service-updated", { service: current, previousState });
        await told;
      },
      async deregister() {
        if (instances.get(current.id) === current) await remove(current);
      },
    };
  }

  async function disposeAll(): Promise<void> {
    for (const watch of watches.values()) watch.dispose();
    await Promise.all([...instances.values()].map(remove));
    for (const keeper of keepers.values()) keeper.dispose();
    client.dispose();
  }
  const dispose = (): Promise<void> => (disposeCall ??= Promise.resolve().then(disposeAll));

  return {
    async register(service, { state: first = "passing" } = {}) {
      assertAlive();
      const instance = Object.freeze({
        ...parseServiceRegistration(service),
        state: parseServiceState(first),
      });
      if (instances.has(instance.id)) {
        throw duplicateId(instance.id);
      }
      instances.set(instance.id, instance);
      const handle = createHandle(instance);
      const told = keeperOf(instance.id).want(instance);
      events?.emit("discovery:service-registered", { service: instance });
      await told;
      return handle;
    },
    async list(filter = {}) {
      assertAlive();
      const { name, tag } = filter;
      const found = await (name === undefined ? listAll(tag) : listNamed(name));
      return Object.freeze(found.filter((instance) => matchesFilter(instance, filter)));
    },
    watch(name, { signal } = {}) {
      assertAlive();
      const subscribe: ServiceWatch["subscribe"] = (listener) => {
        assertAlive();
        return watchOf(name).subscribe(listener);
      };
      return iterateLatest({ read: () => watchOf(name).read(), subscribe }, signal);
    },
    status() {
      const now = clock.now();
      return {
        url: options.url.origin,
        state,
        reason,
        contactAgeMs: contactAtMs === undefined ? undefined : now - contactAtMs,
        registrations: [...instances.keys()].map((id) => {
          const { isConfirmed, failure } = keeperOf(id);
          return { id, isConfirmed, reason: failure };
        }),
        lists: [...watches].flatMap(([name, { known, isWatched }]) =>
          known === undefined
            ? []
            : [{ name, ageMs: isWatched && state === "reachable" ? 0 : now - known.atMs }],
        ),
      };
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
