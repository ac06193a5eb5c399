import type { InfernodeConfig } from "../../config/config.ts";
import type { InfernodeEventSink } from "../../events/event-bus.ts";
import { createAdapterModels } from "../adapters/adapter-models.ts";
import { defaultCacheDirectory } from "../cache/cache-directory.ts";
import { createGpuVerifier } from "../gpu/gpu-verifier.ts";
import { reportVerifications } from "../gpu/report-verifications.ts";
import { createMemoryBudget } from "../memory-budget.ts";
import { createModelPool } from "../model-pool.ts";
import type { ModelService } from "../model-service.ts";
import { supervisionOf } from "./engine-options.ts";
import { shareGpus } from "./share-gpus.ts";
import {
  createEngineSupervisor,
  type EngineSupervisor,
  type EngineSupervisorOptions,
} from "./engine-supervisor.ts";

/** What the engines of several models are created with. Defaults in brackets. */
export interface CreateEnginesOptions {
  readonly events: InfernodeEventSink;
  /** Called with each line that an engine process writes. [ignored] */
  readonly onOutput?:
    | ((line: string, engine: { readonly model: string; readonly engine: string }) => void)
    | undefined;
  /** [a supervised child process] */
  readonly createEngine?: ((options: EngineSupervisorOptions) => EngineSupervisor) | undefined;
}

/** The engines of a configuration. */
export interface Engines {
  /** One per model, in the order of the configuration; none is started. */
  readonly engines: readonly EngineSupervisor[];
  /** Of all models. */
  readonly service: ModelService;
}

/** Creates an engine for each model; they share the memory of the machine, and the checks of its GPUs. */
export function createEngines(
  config: Pick<InfernodeConfig, "models" | "engine">,
  { events, onOutput, createEngine = createEngineSupervisor }: CreateEnginesOptions,
): Engines {
  const budget = createMemoryBudget({
    modelIds: config.models.map(({ id }) => id),
    limitBytes: config.engine.memoryLimitBytes,
  });
  const verifier = createGpuVerifier({
    cacheDirectory: config.engine.cacheDirectory ?? defaultCacheDirectory(process.env),
    ...reportVerifications(events),
  });
  const members = shareGpus(config.models).map((model, index) => {
    const { engine: options, ...supervision } = supervisionOf(model);
    const { id, aliases } = model;
    const engine = String(index);
    const service = createEngine({
      ...supervision,
      engine: { ...options, engineId: engine },
      memory: budget.share(id),
      verifyGpu: verifier.verify,
      events,
      onOutput: (line) => onOutput?.(line, { model: id, engine }),
    });
    return { id, aliases, service };
  });
  const pool = members.map((member, index) => {
    const service = createAdapterModels(member.service, config.models[index]!);
    return { ...member, service };
  });
  const service = createModelPool(pool);
  const dispose = async (): Promise<void> => {
    verifier.dispose();
    await service.dispose();
  };
  return {
    engines: members.map((member) => member.service),
    service: { ...service, dispose, [Symbol.asyncDispose]: dispose },
  };
}
