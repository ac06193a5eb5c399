import type { ChatFeatures, ModelStatus } from "../models/model-service.ts";
import type { ServiceDescription } from "./service-metadata.ts";

/** What a registration has besides the status of its model. */
export interface DescribedDaemon {
  readonly version: string;
  /** Names of the operations of its engines. */
  readonly operations: readonly string[];
  /** A digest of the prefixes that a model has cached. [not known] */
  readonly prefixesOf?: ((modelId: string) => string | undefined) | undefined;
}

/** Describes a model for the registry. @param statuses those of its service: adapters of the model are names of it */
export function describeModel(
  status: ModelStatus,
  statuses: readonly ModelStatus[],
  { version, operations, prefixesOf }: DescribedDaemon,
): ServiceDescription {
  const { id, aliases, state, model, stats } = status;
  const adapters = statuses.flatMap(({ id: name, adapter }) => (adapter?.baseId === id ? [name] : []));
  return {
    version,
    protocol: "http",
    model: id,
    aliases: [...aliases, ...adapters],
    state,
    running: stats?.runningSequenceCount,
    queued: stats?.waitingRequestCount,
    kvFree: stats === undefined ? undefined : 1 - stats.kvCacheUsage,
    contextTokens: model?.contextTokens,
    operations,
    features: featuresOf(model?.hasChatTemplate, model?.chat),
    executor: model?.executor,
    quantization: model?.quantization,
    prefixes: prefixesOf?.(id),
  };
}

function featuresOf(hasChatTemplate: boolean | undefined, chat: ChatFeatures | undefined): readonly string[] {
  return [
    ...(hasChatTemplate === true ? ["chat"] : []),
    ...(chat?.readsTools === true && chat.toolParser !== undefined ? ["tools"] : []),
    ...(chat?.reasoningParser === undefined ? [] : ["reasoning"]),
  ];
}
