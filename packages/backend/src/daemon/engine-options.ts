import { embeddedModelDirectory } from "@infernode/models";
import type { InfernodeConfig } from "../config/config.ts";
import type { EngineCoreOptions } from "../engine/engine-core.ts";

/** Says what engine a configuration asks for. */
export function engineOptionsOf(config: Pick<InfernodeConfig, "engine" | "model">): EngineCoreOptions {
  const { engine, model } = config;
  return {
    modelDirectory: model.path === "embedded" ? embeddedModelDirectory() : model.path,
    modelName: model.name,
    chatTemplatePath: model.chatTemplate,
    contextTokens: engine.contextTokens,
    maxSequences: engine.maxSequences,
    maxTokensPerStep: engine.maxTokensPerStep,
    stepTimeMs: engine.stepTimeMs,
    maxQueuedRequests: engine.maxQueuedRequests,
    maxQueuedTokens: engine.maxQueuedTokens,
    answerMemoryBytes: engine.answerMemoryBytes,
    promptTimeoutMs: engine.promptTimeoutMs,
    threads: engine.threads,
    runtime: engine.runtime,
    memoryLimitBytes: engine.memoryLimitBytes,
  };
}
