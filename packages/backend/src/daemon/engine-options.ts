import { embeddedModelDirectory } from "@infernode/models";
import type { EngineSettings, InfernodeConfig } from "../config/config.ts";
import { defaultHangAfterMs } from "../models/local/default-hang-after.ts";
import type { EngineCoreOptions, SupervisorSetting } from "../models/engine/engine-core.ts";

type EngineConfig = Pick<InfernodeConfig, "engine" | "model">;

/** Says what engine a configuration asks for: every setting that is not the supervisor's. */
export function engineOptionsOf({ engine, model }: EngineConfig): EngineCoreOptions {
  const { startTimeoutMs: _, hangAfterMs: __, maxRestarts: ___, ...settings } = engine;
  return {
    modelDirectory: model.path === "embedded" ? embeddedModelDirectory() : model.path,
    modelName: model.name,
    chatTemplatePath: model.chatTemplate,
    ...settings,
  };
}

/** Says how the process of that engine is supervised. */
export function supervisionOf(config: EngineConfig): Required<Pick<EngineSettings, SupervisorSetting>> & {
  readonly engine: EngineCoreOptions;
  readonly hangAfterMs: number;
} {
  const { startTimeoutMs, hangAfterMs, maxRestarts, maxTokensPerStep } = config.engine;
  return {
    engine: engineOptionsOf(config),
    startTimeoutMs,
    hangAfterMs: hangAfterMs ?? defaultHangAfterMs(maxTokensPerStep),
    maxRestarts,
  };
}
