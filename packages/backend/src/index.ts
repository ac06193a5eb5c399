export { wireFormats } from "./api/wire-formats.ts";
export type { WireFormat, WireFormats } from "./api/shared/wire-format.ts";
export type { ConfigOrigin, InfernodeConfig, ModelConfig } from "./config/config.ts";
export { formatConfig } from "./config/resolve/format-config.ts";
export { resolveConfig } from "./config/resolve/resolve-config.ts";
export type {
  ModelEntry,
  PartialConfig,
  ResolveConfigOptions,
  ResolvedConfig,
} from "./config/resolve/resolve-config.ts";
export { createLogger } from "./log/create-logger.ts";
export type { LoggerOptions } from "./log/create-logger.ts";
export { createDaemon } from "./daemon/daemon.ts";
export type { Daemon, DaemonAddress, DaemonDependencies } from "./daemon/daemon.ts";
export { engineOptionsOf } from "./models/local/engine-options.ts";
export type { EngineClient } from "./models/engine/engine-client.ts";
export type {
  CallOptions,
  EngineState,
  LocalModel,
  ModelService,
  ModelState,
  ModelStatus,
  ServedModel,
} from "./models/model-service.ts";
export { firstEvent } from "./operations/operation.ts";
export { describePrompt } from "./operations/describe-prompt.ts";
export { generate } from "./operations/generate.ts";
export type { GenerateEvent, GenerateInput } from "./operations/generate.ts";
export type { CallEvent, Operation, OperationParts } from "./operations/operation.ts";
export type { Prompt, PromptDescription } from "./operations/prompt.ts";
export type { TokenDelta, TokenLogprob } from "./operations/token-delta.ts";
export { tokenize } from "./operations/tokenize.ts";
export type { EngineCoreOptions, EngineHeartbeat } from "./models/engine/engine-core.ts";
export { createEngineSupervisor } from "./models/local/engine-supervisor.ts";
export type { EngineSupervisor, EngineSupervisorOptions } from "./models/local/engine-supervisor.ts";
export { createRemoteService } from "./models/remote/remote-service.ts";
export type { RemoteService } from "./models/remote/remote-service.ts";
export type { RemoteServiceOptions } from "./models/remote/remote-options.ts";
export { createInlineEngine } from "./models/engine/inline-engine.ts";
export type { InlineEngine, InlineEngineOptions } from "./models/engine/inline-engine.ts";
export { BackendError, EngineRequestError } from "./errors.ts";
export type {
  BackendErrorCode,
  EngineErrorData,
  EngineErrorRecord,
  EngineRequestErrorCode,
} from "./errors.ts";
export type { BackendEventMap } from "./events/backend-events.ts";
export { createEventBus } from "./events/event-bus.ts";
export type { EventBus, EventBusOptions, InfernodeEventSink } from "./events/event-bus.ts";
export type { InfernodeEvent, InfernodeEventMap } from "./events/event-map.ts";
export { createHttpServer } from "./http/create-http-server.ts";
export type { HttpServer, HttpServerOptions } from "./http/create-http-server.ts";
export { createGpuMetrics } from "./metrics/gpu-metrics.ts";
export type { GpuMetrics, GpuSample } from "./metrics/gpu-metrics.ts";
export { createHttpMetrics } from "./metrics/http-metrics.ts";
export type { HttpMetrics, HttpSample } from "./metrics/http-metrics.ts";
export { createInferenceMetrics } from "./metrics/inference-metrics.ts";
export type { InferenceMetrics, InferenceMetricsOptions } from "./metrics/inference-metrics.ts";
export { createLogMetrics } from "./metrics/log-metrics.ts";
export type { LogMetrics } from "./metrics/log-metrics.ts";
export { createMemoryMetrics } from "./metrics/memory-metrics.ts";
export type { MemoryMetrics } from "./metrics/memory-metrics.ts";
export { open } from "./open/open.ts";
export type { OpenModel, OpenOptions } from "./open/open.ts";
export type { ChatAnswer, ChatResult } from "./open/chat-answer.ts";
export type { ChatCall, ChatMessage } from "./open/chat-messages.ts";
export type { ChatOptions, ChatTool } from "./open/chat-options.ts";
export type { JsonSchema, TypedSchema } from "./open/typed-schema.ts";
