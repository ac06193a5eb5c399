import type { ModelConfig } from "../../config/config.ts";
import { engineDefaults } from "../../config/engine-defaults.ts";

/** A model with its share of a GPU. */
export interface SharedModel extends ModelConfig {
  /** In place of `gpuMemoryUtilization`, where models divide a GPU. */
  readonly gpuShare?: number;
}

const sum = (shares: readonly number[]): number => shares.reduce((total, share) => total + share, 0);

/**
 * Divides the memory of each GPU between the models of a daemon that `auto` may run on it, where their shares are more than
 * the whole: they are planned at the same time, and each would take its share of what is free. Models that are to run on
 * the GPU by `engine.executor` keep their shares; the others have what these leave of the default. Each GPU has one name
 * (`unifyDevices`).
 */
export function shareGpus(models: readonly ModelConfig[]): readonly SharedModel[] {
  return models.map((model) => {
    const { executor, device, gpuMemoryUtilization: share } = model.engine;
    const sharesOf = (wanted: string): readonly number[] =>
      models.flatMap(({ engine }) =>
        engine.executor === wanted && engine.device === device ? [engine.gpuMemoryUtilization] : [],
      );
    const [fixed, flexible] = [sharesOf("cuda"), sharesOf("auto")];
    if (executor !== "auto" || sum(fixed) + sum(flexible) <= 1) return model;
    const most = Math.max(engineDefaults.gpuMemoryUtilization, ...flexible);
    const left = Math.max(0, most - sum(fixed));
    return { ...model, gpuShare: Math.min(share, (share * left) / sum(flexible)) };
  });
}
