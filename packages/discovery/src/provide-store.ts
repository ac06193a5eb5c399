import type { DiscoveryProvider, RegisteredService, ServiceInstance } from "./discovery-provider.ts";
import { changeInstance, registrationOf } from "./change-instance.ts";
import { duplicateId, notRegistered } from "./errors.ts";
import type { InstanceStore } from "./instance-store.ts";
import { parseServiceRegistration, parseServiceState } from "./service-registration.ts";

/** Makes a provider of a store, in which it registers. */
export function provideStore(store: InstanceStore): DiscoveryProvider {
  function createHandle(first: ServiceInstance): RegisteredService {
    // The instance that this handle stored last; another one with its id belongs to another handle.
    let current = first;
    return {
      get service() {
        return registrationOf(current);
      },
      async update(change) {
        store.assertAlive();
        if (store.get(current.id) !== current) {
          throw notRegistered(current.id);
        }
        const next = changeInstance(current, change);
        if (next === current) return;
        current = next;
        store.change({ put: [current] });
      },
      async deregister() {
        if (store.get(current.id) === current) store.change({ remove: [current] });
      },
    };
  }

  const dispose = async (): Promise<void> => store.dispose();
  return {
    async register(service, { state = "passing" } = {}) {
      store.assertAlive();
      const instance = { ...parseServiceRegistration(service), state: parseServiceState(state) };
      if (store.get(instance.id) !== undefined) {
        throw duplicateId(instance.id);
      }
      store.change({ put: [instance] });
      return createHandle(instance);
    },
    list: (filter) => store.list(filter),
    watch: (name, options) => store.watch(name, options),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
