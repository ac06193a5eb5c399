import type { DiscoveryProvider, RegisteredService, ServiceInstance } from "./discovery-provider.ts";
import { changeInstance, matchesFilter, registrationOf } from "./change-instance.ts";
import { DiscoveryError } from "./errors.ts";
import type { DiscoveryEventSink } from "./events.ts";
import { iterateLatest, type LatestSource } from "./latest-iterable.ts";
import { parseServiceRegistration, parseServiceState } from "./service-registration.ts";

/** Options of `createEmbeddedDiscovery`. */
export interface EmbeddedDiscoveryOptions {
  /** Receives the events of this provider. [none] */
  readonly events?: DiscoveryEventSink;
}

type Listener = Parameters<LatestSource<object>["subscribe"]>[0];

/**
 * Creates a provider that keeps services in this process, for a single machine. Lists are frozen and in the order
 * of registration.
 * @throws DiscoveryError `INVALID_OPTION`
 */
export function createEmbeddedDiscovery(options: EmbeddedDiscoveryOptions = {}): DiscoveryProvider {
  for (const key of Object.keys(options)) {
    if (key !== "events") {
      throw new DiscoveryError(
        "INVALID_OPTION",
        `createEmbeddedDiscovery: expected only the option events, got "${key}"`,
      );
    }
  }
  const { events } = options;
  const instances = new Map<string, ServiceInstance>();
  const listeners = new Map<string, Set<Listener>>();
  let isDisposed = false;

  function assertAlive(): void {
    if (isDisposed) {
      throw new DiscoveryError("PROVIDER_DISPOSED", "expected a live provider, got a disposed one");
    }
  }

  function notify(name: string): void {
    for (const listener of listeners.get(name) ?? []) listener.changed();
  }

  function namedList(name: string): readonly ServiceInstance[] {
    return Object.freeze([...instances.values()].filter((instance) => instance.name === name));
  }

  function put(instance: ServiceInstance): ServiceInstance {
    const frozen = Object.freeze(instance);
    instances.set(frozen.id, frozen);
    return frozen;
  }

  function remove(service: ServiceInstance): void {
    instances.delete(service.id);
    notify(service.name);
    events?.emit("discovery:service-deregistered", { service });
  }

  function createHandle(first: ServiceInstance): RegisteredService {
    // The instance that this handle stored last; another one with its id belongs to another handle.
    let current = first;
    return {
      get service() {
        return registrationOf(current);
      },
      async update(change) {
        assertAlive();
        if (instances.get(current.id) !== current) {
          throw new DiscoveryError(
            "NOT_REGISTERED",
            `expected a registered service, got "${current.id}", which is deregistered`,
          );
        }
        const next = changeInstance(current, change);
        if (next === current) return;
        const previousState = current.state;
        current = put(next);
        notify(current.name);
        events?.emit("discovery:service-updated", { service: current, previousState });
      },
      async deregister() {
        if (instances.get(current.id) === current) remove(current);
      },
    };
  }

  async function dispose(): Promise<void> {
    if (isDisposed) return;
    isDisposed = true;
    for (const named of listeners.values()) {
      for (const listener of named) listener.ended();
    }
    for (const service of instances.values()) remove(service);
  }

  return {
    async register(service, { state = "passing" } = {}) {
      assertAlive();
      const registration = { ...parseServiceRegistration(service), state: parseServiceState(state) };
      if (instances.has(registration.id)) {
        throw new DiscoveryError(
          "DUPLICATE_ID",
          `id: expected a unique id, got "${registration.id}", which is registered already`,
        );
      }
      const instance = put(registration);
      const handle = createHandle(instance);
      notify(instance.name);
      events?.emit("discovery:service-registered", { service: instance });
      return handle;
    },
    async list(filter = {}) {
      assertAlive();
      return Object.freeze([...instances.values()].filter((instance) => matchesFilter(instance, filter)));
    },
    watch(name, { signal } = {}) {
      assertAlive();
      return iterateLatest(
        {
          read: () => namedList(name),
          subscribe(listener) {
            assertAlive();
            const named = listeners.get(name) ?? new Set();
            listeners.set(name, named.add(listener));
            return () => {
              named.delete(listener);
              if (named.size === 0 && listeners.get(name) === named) listeners.delete(name);
            };
          },
        },
        signal,
      );
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
