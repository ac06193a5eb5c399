import {
  createNgramProposer,
  type EngineLimits,
  type ExecutorOptions,
  type SpeculationOptions,
} from "@infernode/inference";
import type { EngineSettings } from "../../config/config.ts";
import { engineDefaults } from "../../config/engine-defaults.ts";
import { usedSettings } from "../../config/executor-settings.ts";
import { adapterRoom } from "../adapters/adapter-room.ts";
import type { EngineCoreOptions } from "./engine-core.ts";
import { productPrecisionOf } from "./plan-model.ts";
import type { PreparedModel } from "./prepare-model.ts";

/** The options with the same name as a setting: leaving one out does not compile. */
type SettingsOf<Options> = {
  readonly [Name in keyof Options & keyof EngineSettings]: Required<Options>[Name];
};

/** What the executor gets of the settings: those that it uses. */
export function executorSettings(
  options: EngineCoreOptions,
  { choice: { planner }, sizes }: Pick<PreparedModel, "choice" | "sizes">,
): SettingsOf<ExecutorOptions> {
  const used = usedSettings(options, planner.name);
  const { threads, runtime, kvCacheDtype, productLibrary, productLibraryPath } = used;
  const { maxAdapterRank = engineDefaults.maxAdapterRank } = options;
  const productPrecision = productPrecisionOf(options);
  const maxAdapters = adapterRoom(options);
  const products = { productPrecision, productLibrary, productLibraryPath };
  return { ...sizes, ...products, threads, runtime, kvCacheDtype, maxAdapters, maxAdapterRank };
}

/** What the engine gets of the settings. */
export function engineLimits(options: EngineCoreOptions): SettingsOf<EngineLimits> {
  const {
    maxQueuedRequests,
    maxQueuedTokens,
    maxTokensPerStep,
    stepTimeMs = engineDefaults.stepTimeMs,
    streamIntervalTokens = engineDefaults.streamIntervalTokens,
  } = options;
  return { maxQueuedRequests, maxQueuedTokens, maxTokensPerStep, stepTimeMs, streamIntervalTokens };
}

/** How the engine proposes tokens. */
export function speculationOptions(options: EngineCoreOptions): SpeculationOptions {
  const { speculation, speculationTokens, speculationMaxSequences } = { ...engineDefaults, ...options };
  return {
    ...(speculation === "ngram" && { createProposer: createNgramProposer() }),
    maxTokens: speculationTokens,
    maxSequences: speculationMaxSequences,
  };
}
