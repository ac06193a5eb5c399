export { createEngine } from "./engine/create-engine.ts";
export type { EngineStats, InferenceEngine } from "./engine/engine.ts";
export {
  ContextLengthError,
  InferenceError,
  type InferenceErrorCode,
  InvalidRequestError,
  QueueFullError,
} from "./errors.ts";
export { type EngineEvent, type EngineEventMap, type EngineEventSink, silentEvents } from "./events.ts";
export type {
  Executor,
  ExecutorMemoryPlan,
  ForwardBatch,
  ForwardResult,
  KvCache,
} from "./executors/executor.ts";
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
} from "./requests/request.ts";
export type { EngineLimits, EngineOptions, EngineService } from "./engine/resolve-engine-options.ts";
export { createSampler, type SampledToken, type Sampler, type SamplerOptions } from "./sampling/sampler.ts";
export { SamplingState, type SamplingStateOptions } from "./sampling/sampling-state.ts";
export { systemClock } from "./engine/system-clock.ts";
