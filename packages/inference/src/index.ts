export { createEngine } from "./engine/create-engine.ts";
export type { EngineStats, InferenceEngine } from "./engine/engine.ts";
export {
  ContextLengthError,
  InferenceError,
  type InferenceErrorCode,
  InvalidRequestError,
  QueueFullError,
} from "./errors.ts";
export {
  type EngineEvent,
  type EngineEventMap,
  type EngineEventSink,
  type EngineLabels,
  silentEvents,
} from "./events.ts";
export type {
  AdapterChange,
  AdapterSource,
  AdapterStorage,
  AdapterTarget,
} from "./executors/adapter-storage.ts";
export { calibrationText } from "./executors/calibration-text.ts";
export type {
  Executor,
  ExecutorMemoryPlan,
  ForwardBatch,
  ForwardResult,
  RowLogprobs,
  KvCacheDtype,
  ProductLibrary,
  ProductPrecision,
  KvStorage,
  PagedStorage,
  SlotMove,
  SlotStorage,
} from "./executors/executor.ts";
export type { RowEditCapacity, RowEdits } from "./executors/row-edits.ts";
export type { RowSampling } from "./executors/row-sampling.ts";
export type {
  ExecutorModel,
  ExecutorOptions,
  ExecutorPlanner,
  ExecutorProvider,
  ExecutorSizes,
  ExecutorWarning,
  KvRangeSource,
} from "./executors/executor-provider.ts";
export type {
  ClockPort,
  ConstraintPort,
  ConstraintStatePort,
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
  StopParams,
  TokenDelta,
  TokenStream,
} from "./requests/request.ts";
export type { EngineLimits, EngineOptions, EngineService } from "./engine/resolve-engine-options.ts";
export { createNgramProposer, type NgramOptions } from "./speculation/ngram-proposer.ts";
export type { Proposer, ProposerContext, ProposerFactory, ProposerSource } from "./speculation/proposer.ts";
export type { SpeculationOptions } from "./speculation/resolve-speculation.ts";
export { createSampler, type SampledToken, type Sampler, type SamplerOptions } from "./sampling/sampler.ts";
export { defaultSamplingParams, type SamplingParams } from "./sampling/sampling-params.ts";
export { SamplingState, type SamplingStateOptions } from "./sampling/sampling-state.ts";
export type { TokenCandidate, TokenLogprob } from "./text/token-logprob.ts";
