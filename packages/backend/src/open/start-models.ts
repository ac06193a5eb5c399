import type { ModelConfig } from "../config/config.ts";
import { resolveConfig, type PartialConfig } from "../config/resolve/resolve-config.ts";
import type { InfernodeEventSink } from "../events/event-bus.ts";
import { createAdapterModels } from "../models/adapters/adapter-models.ts";
import { createEngines } from "../models/local/create-engines.ts";
import { unifyDevices } from "../models/local/unify-devices.ts";
import { engineOptionsOf } from "../models/local/engine-options.ts";
import { shareGpus } from "../models/local/share-gpus.ts";
import { createModelPool, type PoolMember } from "../models/model-pool.ts";
import type { ModelService } from "../models/model-service.ts";

/** Where models run, and who hears of it. Defaults in brackets. */
export interface StartOptions {
  /**
   * Runs them in this process: a native crash ends the program, and loading blocks the event loop.
   * [each in a process of its own, which is restarted after a crash]
   */
  readonly isInline?: boolean | undefined;
  /** Receives the events of engines. [ignored] */
  readonly events?: InfernodeEventSink | undefined;
  /** Receives lines that engine processes write, such as warnings of native libraries. [ignored] */
  readonly onOutput?: ((line: string) => void) | undefined;
}

async function startInline(
  models: readonly ModelConfig[],
  events: InfernodeEventSink,
): Promise<readonly PoolMember[]> {
  // The engine's own code, and its native libraries, are not needed otherwise.
  const { createInlineEngine } = await import("../models/engine/inline-engine.ts");
  const members: PoolMember[] = [];
  try {
    // One after the other: each plans with the memory that those before it have left.
    for (const model of models) {
      const engine = await createInlineEngine({ engine: engineOptionsOf(model), events });
      const service = createAdapterModels(engine, model);
      members.push({ id: model.id, aliases: model.aliases, service });
    }
    return members;
  } catch (error) {
    await Promise.all(members.map(({ service }) => service.dispose()));
    throw error;
  }
}

/**
 * Loads models and resolves when all of them are ready; if one fails, none is left.
 * @throws BackendError `INVALID_CONFIG`, `MODEL_NOT_FOUND`, `MODEL_LOAD_FAILED`, `ENGINE_START_FAILED`,
 * `ENGINE_START_TIMEOUT`; inline, what the package throws that rejected the model
 */
export async function startModels(overrides: PartialConfig, options: StartOptions): Promise<ModelService> {
  const { isInline = false, events = { emit: () => undefined }, onOutput } = options;
  const { config } = await resolveConfig({ file: false, overrides });
  const models = await unifyDevices(config.models);
  if (isInline) return createModelPool(await startInline(shareGpus(models), events));
  const { engines, service } = createEngines({ ...config, models }, { events, onOutput });
  try {
    await Promise.all(engines.map((engine) => engine.start()));
    return service;
  } catch (error) {
    await service.dispose();
    throw error;
  }
}
