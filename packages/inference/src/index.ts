export { createEngine } from "./create-engine.ts";
export type { EngineStats, InferenceEngine } from "./engine.ts";
export {
  ContextLengthError,
  InferenceError,
  type InferenceErrorCode,
  InvalidRequestError,
  QueueFullError,
} from "./errors.ts";
export { type EngineEvent, type EngineEventMap, type EngineEventSink, silentEvents } from "./events.ts";
export type { Executor, ExecutorMemoryPlan, ForwardBatch, ForwardResult, KvCache } from "./executor.ts";
export type {
  ClockPort,
  DiscoveryPort,
  HealthPort,
  MemoryBlockPort,
  MemoryPort,
  TokenDecoderPort,
} from "./ports.ts";
export type {
  FinishReason,
  GenerationChoice,
  GenerationRequest,
  GenerationResult,
  GenerationTimings,
  GenerationUsage,
  PromptLogprobs,
  SamplingParams,
  StopParams,
  TokenCandidate,
  TokenDelta,
  TokenLogprob,
  TokenStream,
} from "./request.ts";
export type { EngineLimits, EngineOptions, EngineService } from "./resolve-engine-options.ts";
export { createSampler, type SampledToken, type Sampler, type SamplerOptions } from "./sampling/sampler.ts";
export { SamplingState, type SamplingStateOptions } from "./sampling/sampling-state.ts";
export { systemClock } from "./system-clock.ts";
