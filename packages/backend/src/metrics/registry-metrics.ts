import { createSeriesScope, type MetricRegistry } from "@infernode/health";

const states = ["reachable", "unreachable", "refused"] as const;

/** How a process stands with its service registry. */
export interface RegistrySample {
  /** `undefined` before the first request. */
  readonly state: (typeof states)[number] | undefined;
  readonly registrations: readonly { readonly isConfirmed: boolean }[];
}

/** Metrics of a service registry in another process. */
export interface RegistryMetrics {
  observe(sample: RegistrySample): void;
}

/** Creates the metrics; their series exist once there is a sample. */
export function createRegistryMetrics(registry: MetricRegistry): RegistryMetrics {
  const scope = createSeriesScope(registry);
  const state = scope.gauge({
    name: "infernode_registry_state",
    help: "1 for what the last request to the service registry showed, 0 for the others.",
    labelNames: ["state"],
  });
  const registrations = scope.gauge({
    name: "infernode_registry_registrations",
    help: "Registrations of this process, by whether the service registry has them as they are wanted.",
    labelNames: ["confirmed"],
  });
  return {
    observe(sample) {
      for (const each of states) state(each === sample.state ? 1 : 0, { state: each });
      const confirmed = sample.registrations.filter(({ isConfirmed }) => isConfirmed).length;
      registrations(confirmed, { confirmed: "true" });
      registrations(sample.registrations.length - confirmed, { confirmed: "false" });
    },
  };
}
