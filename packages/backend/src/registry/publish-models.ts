import { isDeepStrictEqual } from "node:util";
import type {
  DiscoveryProvider,
  RegisteredService,
  ServiceInstance,
  ServiceState,
} from "@infernode/discovery";
import type { EngineState, ModelService, ModelStatus } from "../models/model-service.ts";
import { describeModel, type DescribedDaemon } from "./describe-model.ts";
import { writeServiceMetadata } from "./service-metadata.ts";
import type { Metadata } from "./metadata-values.ts";

/** Where a daemon is, for its registrations. */
export interface ServicePlace {
  readonly serviceName: string;
  /** The machine's; part of the ids. */
  readonly hostName: string;
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
}

/** What the publisher reads of an engine. */
export interface PublishedEngine {
  readonly id: string;
  readonly state: EngineState;
  /** Why it has made no progress for so long. */
  stallReason(limitMs: number): string | undefined;
}

/** What a publisher needs. */
export interface ModelPublisherOptions extends DescribedDaemon {
  readonly discovery: Pick<DiscoveryProvider, "register">;
  readonly service: Pick<ModelService, "models">;
  readonly engines: readonly PublishedEngine[];
  readonly place: ServicePlace;
  /** Between updates of what changes all the time. */
  readonly updateIntervalMs: number;
  /** After this long without progress an engine is critical. */
  readonly stallAfterMs: number;
  /** The registry does not take a registration or an update; it does not mean that the registry is down. */
  readonly onError: (error: unknown) => void;
}

/** Keeps one registration for each model of a daemon as the model is. */
export interface ModelPublisher {
  /** The registrations as they are wanted. */
  registrations(): readonly ServiceInstance[];
  /** Why the service of an id takes no requests; `undefined` if it does, or is not one of this daemon. */
  reasonOf(serviceId: string): string | undefined;
  /** Tells the registry what has changed, now. */
  publish(): void;
  /** Deregisters all; resolves when the registry has been told or has failed to answer. */
  withdraw(): Promise<void>;
}

interface Publication {
  readonly modelId: string;
  readonly serviceId: string;
  told: { readonly state: ServiceState; readonly metadata: Metadata };
  /** `undefined` while the registry is asked for the first time. */
  handle: RegisteredService | undefined;
  registering: Promise<void>;
}

/** Registers the models of a daemon, critical until they are ready, and keeps the registrations up to date. */
export function publishModels(options: ModelPublisherOptions): ModelPublisher {
  const { discovery, service, engines, place, stallAfterMs, onError } = options;
  const { serviceName, hostName, address, port } = place;
  let isWithdrawn = false;

  /** Adapters are names of the model that they change. */
  const ownModels = (statuses: readonly ModelStatus[]): readonly ModelStatus[] =>
    statuses.filter(({ adapter }) => adapter === undefined);

  function reasonAgainst({ id, state, reasons }: ModelStatus): string | undefined {
    if (state !== "ready") return reasons.join("; ") || state;
    return engines.find((engine) => engine.id === id)?.stallReason(stallAfterMs);
  }

  function stateOf(
    status: ModelStatus,
    statuses: readonly ModelStatus[],
    previous: Metadata = {},
  ): Publication["told"] {
    return {
      state: reasonAgainst(status) === undefined ? "passing" : "critical",
      metadata: writeServiceMetadata(describeModel(status, statuses, options), previous),
    };
  }

  const registrationOf = ({ modelId, serviceId, told }: Publication): ServiceInstance => ({
    id: serviceId,
    name: serviceName,
    address,
    port,
    tags: [...new Set(["openai", `model-${tagOf(modelId)}`, ...place.tags])],
    ...told,
  });

  async function register(publication: Publication): Promise<void> {
    const { state, ...registration } = registrationOf(publication);
    try {
      publication.handle = await discovery.register(registration, { state });
      // What changed meanwhile.
      publish();
    } catch (error) {
      onError(error);
    }
  }

  function publish(): void {
    if (isWithdrawn) return;
    const statuses = service.models();
    for (const publication of publications) {
      const { handle, told } = publication;
      const status = statuses.find(({ id }) => id === publication.modelId);
      if (handle === undefined || status === undefined) continue;
      const next = stateOf(status, statuses, told.metadata);
      if (isDeepStrictEqual(next, told)) continue;
      publication.told = next;
      handle.update(next).catch(onError);
    }
  }

  const statuses = service.models();
  const publications = ownModels(statuses).map((status, index): Publication => ({
    modelId: status.id,
    serviceId: `${serviceName}-${hostName.replaceAll(/[^A-Za-z0-9._-]/g, "-").slice(0, 100)}-${port}-${index}`,
    told: stateOf(status, statuses),
    handle: undefined,
    registering: Promise.resolve(),
  }));
  for (const publication of publications) publication.registering = register(publication);
  const timer = setInterval(publish, options.updateIntervalMs);
  timer.unref();

  return {
    registrations: () => (isWithdrawn ? [] : publications.map(registrationOf)),
    reasonOf(serviceId) {
      const publication = publications.find((each) => each.serviceId === serviceId);
      const status = service.models().find(({ id }) => id === publication?.modelId);
      return publication === undefined || status === undefined ? undefined : reasonAgainst(status);
    },
    publish,
    async withdraw() {
      isWithdrawn = true;
      clearInterval(timer);
      await Promise.all(
        publications.map(async ({ registering, handle }, index) => {
          if (handle === undefined) await registering;
          await publications[index]?.handle?.deregister();
        }),
      );
    },
  };
}

/** A model's id as part of a tag, with what routers' rules cannot have replaced. */
function tagOf(modelId: string): string {
  return modelId.replaceAll(/[^A-Za-z0-9._-]/g, "-").slice(0, 240);
}
