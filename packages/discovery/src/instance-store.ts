import type { DiscoveryProvider, ServiceInstance } from "./discovery-provider.ts";
import { matchesFilter } from "./change-instance.ts";
import { DiscoveryError } from "./errors.ts";
import type { DiscoveryEventSink } from "./events.ts";
import { iterateLatest, type LatestSource } from "./latest-iterable.ts";

/** Service instances in this process, in the order in which they came. */
export interface InstanceStore extends Pick<DiscoveryProvider, "list" | "watch"> {
  get(id: string): ServiceInstance | undefined;
  /** Adds, replaces and removes; a watcher sees all of it at once. */
  change(change: {
    readonly put?: readonly ServiceInstance[];
    /** Those that are there. */
    readonly remove?: readonly ServiceInstance[];
  }): void;
  /** @throws DiscoveryError `PROVIDER_DISPOSED` */
  assertAlive(): void;
  /** Ends every watch and removes all; idempotent. */
  dispose(): void;
}

type Listener = Parameters<LatestSource<object>["subscribe"]>[0];

/** Creates an empty store. @param events told after each change */
export function createInstanceStore(events: DiscoveryEventSink | undefined): InstanceStore {
  const instances = new Map<string, ServiceInstance>();
  const listeners = new Map<string, Set<Listener>>();
  let isDisposed = false;

  function assertAlive(): void {
    if (isDisposed) {
      throw new DiscoveryError("PROVIDER_DISPOSED", "expected a live provider, got a disposed one");
    }
  }

  function namedList(name: string): readonly ServiceInstance[] {
    return Object.freeze([...instances.values()].filter((instance) => instance.name === name));
  }

  function subscribe(name: string, listener: Listener): () => void {
    assertAlive();
    const named = listeners.get(name) ?? new Set();
    listeners.set(name, named.add(listener));
    return () => {
      named.delete(listener);
      if (named.size === 0 && listeners.get(name) === named) listeners.delete(name);
    };
  }

  const change: InstanceStore["change"] = ({ put = [], remove = [] }) => {
    const previous = put.map(({ id }) => instances.get(id));
    for (const { id } of remove) instances.delete(id);
    for (const instance of put) instances.set(instance.id, Object.freeze(instance));
    for (const name of new Set([...remove, ...put].map((each) => each.name))) {
      for (const listener of listeners.get(name) ?? []) listener.changed();
    }
    for (const service of remove) events?.emit("discovery:service-deregistered", { service });
    for (const [index, service] of put.entries()) {
      const previousState = previous[index]?.state;
      if (previousState === undefined) events?.emit("discovery:service-registered", { service });
      else events?.emit("discovery:service-updated", { service, previousState });
    }
  };

  return {
    get: (id) => instances.get(id),
    change,
    assertAlive,
    async list(filter = {}) {
      assertAlive();
      return Object.freeze([...instances.values()].filter((instance) => matchesFilter(instance, filter)));
    },
    watch(name, { signal } = {}) {
      assertAlive();
      return iterateLatest(
        { read: () => namedList(name), subscribe: (listener) => subscribe(name, listener) },
        signal,
      );
    },
    dispose() {
      if (isDisposed) return;
      isDisposed = true;
      for (const named of listeners.values()) {
        for (const listener of named) listener.ended();
      }
      change({ remove: [...instances.values()] });
    },
  };
}
