import type { ConsulStatus } from "@infernode/discovery/consul";
import type { BackendModel, KnownBackend } from "../gateway/backends/backend-table.ts";
import type { ConfigurableRouter, PlaceStatus } from "../gateway/routing/create-router.ts";

/** A model of a backend, and how it fares with this gateway. */
export interface ReportedModel extends Omit<BackendModel, "load" | "prefixes"> {
  /** What the backend says; `null` where it says nothing. */
  readonly load: BackendModel["load"] | null;
  /** Requests of this gateway. */
  readonly inFlight: number;
  readonly circuit: PlaceStatus["circuit"];
}

/** Which backends a gateway has, as it sees them. */
export interface GatewayReport {
  readonly backends: readonly {
    readonly id: string;
    readonly url: string;
    readonly source: KnownBackend["backend"]["source"];
    readonly isHealthy: boolean;
    readonly weight: number;
    readonly models: readonly ReportedModel[];
  }[];
  /** Requests that wait for a backend. */
  readonly queuedRequestCount: number;
  /** `null` where no registry is asked. */
  readonly registry:
    | (Pick<ConsulStatus, "url" | "state" | "reason"> & {
        /** Since it answered. */
        readonly contactAgeMs: number | undefined;
        /** Since the list of daemons was known to be so. */
        readonly listAgeMs: number | undefined;
      })
    | null;
}

const rounded = (ms: number | undefined): number | undefined => (ms === undefined ? ms : Math.round(ms));

/** Reports the backends of a gateway; nothing is asked of them or the registry. */
export function reportGateway(
  list: readonly KnownBackend[],
  router: Pick<ConfigurableRouter, "places" | "queuedCount">,
  status: ConsulStatus | undefined,
): GatewayReport {
  const places = router.places();
  return {
    backends: list.map(({ backend: { id, url, source }, isHealthy, weight = 1, models }) => ({
      id,
      url: url.href,
      source,
      isHealthy,
      weight,
      models: models.map(({ id: model, aliases, isReady, contextTokens, load = null }) => {
        const place = places.find((each) => each.backend === id && each.model === model);
        const { inFlight = 0, circuit = "closed" } = place ?? {};
        return { id: model, aliases, isReady, contextTokens, load, inFlight, circuit };
      }),
    })),
    queuedRequestCount: router.queuedCount,
    registry:
      status === undefined
        ? null
        : {
            url: status.url,
            state: status.state,
            reason: status.reason,
            contactAgeMs: rounded(status.contactAgeMs),
            listAgeMs: rounded(status.lists[0]?.ageMs),
          },
  };
}
