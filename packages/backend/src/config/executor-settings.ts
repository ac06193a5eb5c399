import type { EngineSettings } from "./config.ts";
import { engineDefaults } from "./engine-defaults.ts";
import type { ExecutorName } from "./executor-names.ts";

/** Settings of `engine` that not every executor uses, and those that do. */
export const executorsOfSettings: Readonly<Partial<Record<keyof EngineSettings, readonly ExecutorName[]>>> = {
  threads: ["onnx"],
  device: ["cuda"],
  gpuMemoryUtilization: ["cuda"],
  productLibraryPath: ["cuda"],
  runsAhead: ["cuda"],
  speculationMaxSequences: ["cuda"],
};

/** Whether an executor uses a setting. */
export function usesSetting(executor: string, name: keyof EngineSettings): boolean {
  const executors: readonly string[] | undefined = executorsOfSettings[name];
  return executors === undefined || executors.includes(executor);
}

/** Settings without those that an executor does not use. */
export function usedSettings<Settings extends object>(engine: Settings, executor: string): Partial<Settings> {
  const used = Object.entries(engine).filter(([name]) => usesSetting(executor, name as keyof EngineSettings));
  return Object.fromEntries(used) as Partial<Settings>;
}

/** Says of each setting with another value than its default that an executor does not use it. */
export function describeUnusedSettings(engine: Partial<EngineSettings>, executor: string): readonly string[] {
  const defaults: Partial<EngineSettings> = engineDefaults;
  return (Object.keys(executorsOfSettings) as (keyof EngineSettings)[]).flatMap((name) => {
    const value = engine[name];
    if (usesSetting(executor, name) || value === undefined || value === defaults[name]) return [];
    const users = executorsOfSettings[name]?.join(", ");
    return [`the executor ${executor} does not use engine.${name} ${String(value)}, which is for ${users}`];
  });
}
