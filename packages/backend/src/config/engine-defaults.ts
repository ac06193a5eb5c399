import type { EngineSettings } from "./config.ts";

/** What the settings of an engine are where nothing sets them; the others follow from the model and the machine. */
export const engineDefaults: {
  readonly [
    Name in keyof EngineSettings as undefined extends EngineSettings[Name] ? never : Name
  ]: EngineSettings[Name];
} = {
  maxTokensPerStep: 256,
  stepTimeMs: 100,
  streamIntervalTokens: 1,
  maxQueuedRequests: 256,
  maxQueuedTokens: 131_072,
  promptTimeoutMs: 5000,
  executor: "auto",
  device: "0",
  gpuMemoryUtilization: 0.9,
  runtime: "auto",
  quantize: "auto",
  productPrecision: "auto",
  productLibrary: "none",
  runsAhead: true,
  speculation: "none",
  speculationTokens: 7,
  speculationMaxSequences: 8,
  maxAdapterRank: 16,
  allowsAdapterUpdates: false,
  cacheLimitBytes: 64 * 2 ** 30,
  startTimeoutMs: 300_000,
  maxRestarts: 5,
};

const minHangAfterMs = 600_000;

/**
 * After how long without a step an engine with work hangs, where nothing sets it: 10 minutes, and in proportion more
 * where a step may hold more tokens than by default. A large model on a slow processor takes minutes for such a step,
 * not tens of them.
 */
export function defaultHangAfterMs(maxTokensPerStep: number): number {
  return minHangAfterMs * Math.max(1, maxTokensPerStep / engineDefaults.maxTokensPerStep);
}
