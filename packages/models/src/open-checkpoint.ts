import { assertWeightsFit } from "./assert-weights-fit.ts";
import type { ModelConfig } from "./config/model-config.ts";
import type { GenerationDefaults } from "./config/parse-generation-defaults.ts";
import { architectureFor, familyOf } from "./families/find-family.ts";
import type { PreparedNetwork } from "./formats/checkpoint-format.ts";
import { findModel } from "./formats/find-model.ts";
import type { FoundModel, ModelSource } from "./formats/find-model.ts";
import type { Architecture } from "./network/decoder-builder.ts";
import { type ModelWarning, unusedTensorsWarning } from "./network/model-warning.ts";
import { resolveTiedHead } from "./network/resolve-tied-head.ts";
import { splitFusedWeights } from "./network/split-fused-weights.ts";
import type { WeightIndex } from "./weights/weight-index.ts";

/** A network and its weights, checked against each other: all that an executor needs. */
export interface Checkpoint {
  /** The absolute path that was opened. */
  readonly directory: string;
  readonly config: ModelConfig;
  readonly architecture: Architecture;
  readonly weights: WeightIndex;
  readonly generationDefaults: GenerationDefaults;
  /** What is known of weights that were prepared before. */
  readonly prepared: PreparedNetwork | undefined;
  /** Tensors of the files that the network does not use. */
  readonly unusedTensors: readonly string[];
  /** Problems that do not prevent loading; `onWarning` received the same. */
  readonly warnings: readonly ModelWarning[];
}

/** Options of opening a checkpoint whose format is known. */
export interface OpenOptions {
  readonly signal?: AbortSignal | undefined;
  /** Receives each warning before the promise resolves. */
  readonly onWarning?: ((warning: ModelWarning) => void) | undefined;
}

/** Options of `openCheckpoint`. */
export interface OpenCheckpointOptions extends ModelSource, OpenOptions {}

/**
 * Opens a checkpoint: reads its config, checks every header and every tensor's shape. Allocates nothing for
 * weights. The caller closes `weights`.
 *
 * @throws ModelError with a code
 */
export async function openCheckpoint(
  directory: string,
  options: OpenCheckpointOptions = {},
): Promise<Checkpoint> {
  options.signal?.throwIfAborted();
  return openFoundCheckpoint(await findModel(directory, options), options);
}

/** Opens a checkpoint whose format is known. @throws ModelError with a code */
export async function openFoundCheckpoint(
  { location, format }: FoundModel,
  { signal, onWarning }: OpenOptions,
): Promise<Checkpoint> {
  const stored = await format.open(location, { signal });
  try {
    const family = familyOf(stored.config);
    const split = splitFusedWeights(stored.weights, family.fusedWeights?.(stored.config) ?? []);
    const { config, weights, warning } = await resolveTiedHead(stored.config, split);
    const { unusedTensors } = assertWeightsFit(config, weights, {
      isPrepared: stored.prepared !== undefined,
    });
    const found = [...(stored.warnings ?? []), warning, unusedTensorsWarning(unusedTensors)];
    const warnings = found.filter((each) => each !== undefined);
    for (const each of warnings) onWarning?.(each);
    return {
      directory: location.path,
      config,
      architecture: architectureFor(config),
      weights,
      generationDefaults: stored.generationDefaults,
      prepared: stored.prepared,
      unusedTensors,
      warnings,
    };
  } catch (error) {
    await stored.weights.close();
    throw error;
  }
}
