import type { LabelValues } from "@infernode/health";
import {
  choiceCountBuckets,
  firstTokenBuckets,
  requestDurationBuckets,
  stepDurationBuckets,
  stepTokenBuckets,
  tokenIntervalBuckets,
} from "./buckets.ts";

/** A quantity and the names under which it is published: the project's, vLLM's, or both. */
export interface DualFamily {
  readonly help: string;
  readonly own?: string;
  readonly vllm?: string;
  /** Labels in addition to those of the engine. [none] */
  readonly labels?: LabelValues;
}

/** Upper bounds, or `tokens` for 1, 2, 5, 10 … up to the context length. */
export type DualBuckets = readonly number[] | "tokens";

/** A histogram under one or both names. */
export interface DualHistogram extends DualFamily {
  readonly buckets: DualBuckets;
  /** Finer bounds for the own name, which small models need. [`buckets`] */
  readonly ownBuckets?: DualBuckets;
}

/** Gauges of an engine. */
export type GaugeKey =
  | "runningSequences"
  | "waitingRequests"
  | "waitingForCapacity"
  | "waitingTokens"
  | "kvCacheUsage";

/** Names and help of each gauge. */
export const gaugeFamilies: Readonly<Record<GaugeKey, DualFamily>> = {
  runningSequences: {
    own: "infernode_running_sequences",
    vllm: "vllm:num_requests_running",
    help: "Sequences in the running batch.",
  },
  waitingRequests: {
    own: "infernode_waiting_requests",
    vllm: "vllm:num_requests_waiting",
    help: "Queued requests.",
  },
  waitingForCapacity: {
    vllm: "vllm:num_requests_waiting_by_reason",
    labels: { reason: "capacity" },
    help: "Queued requests, by what they wait for.",
  },
  waitingTokens: { own: "infernode_waiting_tokens", help: "Prompt tokens of queued requests." },
  kvCacheUsage: {
    own: "infernode_kv_cache_usage_ratio",
    vllm: "vllm:kv_cache_usage_perc",
    help: "KV cache usage; 1 is full.",
  },
};

/** Counters of an engine. */
export type CounterKey =
  | "steps"
  | "promptTokens"
  | "generatedTokens"
  | "stepsAhead"
  | "stepsHeldByHost"
  | "stepsHeldByMemory"
  | "stepsHeldByProposals"
  | "proposals"
  | "proposedTokens"
  | "confirmedTokens"
  | "preemptions"
  | "prefixCacheQueries"
  | "prefixCacheHits"
  | "computedPromptTokens"
  | "cachedPromptTokens"
  | "promptTokensFromCache";

/** Names and help of each counter. */
export const counterFamilies: Readonly<Record<CounterKey, DualFamily>> = {
  steps: { own: "infernode_engine_steps_total", help: "Engine steps." },
  stepsAhead: {
    own: "infernode_engine_steps_ahead_total",
    help: "Engine steps begun while the one before them ran.",
  },
  stepsHeldByHost: {
    own: "infernode_engine_steps_held_by_host_total",
    help: "Engine steps that could not be begun ahead, as a row of the one before is sampled by the host, or changed by a penalty or a mask.",
  },
  stepsHeldByMemory: {
    own: "infernode_engine_steps_held_by_memory_total",
    help: "Engine steps that could not be begun ahead, as a sequence found no room in the KV cache.",
  },
  stepsHeldByProposals: {
    own: "infernode_engine_steps_held_by_proposals_total",
    help: "Engine steps that were not begun ahead, as a sequence had proposed tokens or was likely to have some.",
  },
  proposals: {
    own: "infernode_proposals_total",
    vllm: "vllm:spec_decode_num_drafts_total",
    help: "How often tokens of a sequence were proposed.",
  },
  proposedTokens: {
    own: "infernode_proposed_tokens_total",
    vllm: "vllm:spec_decode_num_draft_tokens_total",
    help: "Tokens proposed.",
  },
  confirmedTokens: {
    own: "infernode_confirmed_tokens_total",
    vllm: "vllm:spec_decode_num_accepted_tokens_total",
    help: "Proposed tokens that the model confirmed.",
  },
  promptTokens: {
    own: "infernode_prompt_tokens_total",
    vllm: "vllm:prompt_tokens_total",
    help: "Prompt tokens processed.",
  },
  generatedTokens: {
    own: "infernode_generated_tokens_total",
    vllm: "vllm:generation_tokens_total",
    help: "Tokens generated.",
  },
  preemptions: {
    own: "infernode_preemptions_total",
    vllm: "vllm:num_preemptions_total",
    help: "Preempted sequences.",
  },
  prefixCacheQueries: {
    own: "infernode_prefix_cache_queried_tokens_total",
    vllm: "vllm:prefix_cache_queries_total",
    help: "Prompt tokens looked up in the prefix cache.",
  },
  prefixCacheHits: {
    own: "infernode_prefix_cache_hit_tokens_total",
    vllm: "vllm:prefix_cache_hits_total",
    help: "Prompt tokens found in the prefix cache.",
  },
  computedPromptTokens: {
    vllm: "vllm:prompt_tokens_by_source_total",
    labels: { source: "local_compute" },
    help: "Prompt tokens, by the source of their keys and values.",
  },
  cachedPromptTokens: {
    vllm: "vllm:prompt_tokens_by_source_total",
    labels: { source: "local_cache_hit" },
    help: "Prompt tokens, by the source of their keys and values.",
  },
  promptTokensFromCache: {
    vllm: "vllm:prompt_tokens_cached_total",
    help: "Prompt tokens found in a cache.",
  },
};

/** Histograms of an engine. */
export type HistogramKey =
  | "timeToFirstToken"
  | "interTokenLatency"
  | "timePerOutputToken"
  | "scheduledAfter"
  | "queueTime"
  | "inferenceTime"
  | "prefillTime"
  | "decodeTime"
  | "totalTime"
  | "promptLength"
  | "generatedLength"
  | "longestAnswer"
  | "prefillComputed"
  | "paramsN"
  | "paramsMaxTokens"
  | "stepTokens"
  | "stepDuration";

/** Names, help and bounds of each histogram. */
export const histogramFamilies: Readonly<Record<HistogramKey, DualHistogram>> = {
  timeToFirstToken: {
    own: "infernode_time_to_first_token_seconds",
    vllm: "vllm:time_to_first_token_seconds",
    help: "Time from the arrival of a request to its first token, in seconds.",
    buckets: firstTokenBuckets,
  },
  interTokenLatency: {
    vllm: "vllm:inter_token_latency_seconds",
    help: "Duration of the step that decoded a token, observed once per token, in seconds.",
    buckets: tokenIntervalBuckets,
  },
  timePerOutputToken: {
    own: "infernode_time_per_output_token_seconds",
    vllm: "vllm:request_time_per_output_token_seconds",
    help: "Mean time between the tokens of a request after its first, in seconds.",
    buckets: tokenIntervalBuckets,
    ownBuckets: stepDurationBuckets,
  },
  scheduledAfter: {
    own: "infernode_request_queue_seconds",
    help: "Time in the queue, observed when a request is scheduled, in seconds.",
    buckets: firstTokenBuckets,
  },
  queueTime: {
    vllm: "vllm:request_queue_time_seconds",
    help: "Time that a finished request spent in the queue, in seconds.",
    buckets: requestDurationBuckets,
  },
  inferenceTime: {
    vllm: "vllm:request_inference_time_seconds",
    help: "Time that a finished request spent in prefill and decode, in seconds.",
    buckets: requestDurationBuckets,
  },
  prefillTime: {
    own: "infernode_request_prefill_seconds",
    vllm: "vllm:request_prefill_time_seconds",
    help: "Time that a finished request spent in prefill, in seconds.",
    buckets: requestDurationBuckets,
    ownBuckets: firstTokenBuckets,
  },
  decodeTime: {
    own: "infernode_request_decode_seconds",
    vllm: "vllm:request_decode_time_seconds",
    help: "Time that a finished request spent in decode, in seconds.",
    buckets: requestDurationBuckets,
    ownBuckets: firstTokenBuckets,
  },
  totalTime: {
    own: "infernode_request_duration_seconds",
    vllm: "vllm:e2e_request_latency_seconds",
    help: "Time from the arrival of a request at the engine to its end, in seconds.",
    buckets: requestDurationBuckets,
    ownBuckets: firstTokenBuckets,
  },
  promptLength: {
    own: "infernode_request_prompt_tokens",
    vllm: "vllm:request_prompt_tokens",
    help: "Prompt tokens of a finished request.",
    buckets: "tokens",
  },
  generatedLength: {
    own: "infernode_request_generated_tokens",
    vllm: "vllm:request_generation_tokens",
    help: "Tokens generated for a finished request.",
    buckets: "tokens",
  },
  longestAnswer: {
    vllm: "vllm:request_max_num_generation_tokens",
    help: "Tokens of the longest answer of a finished request.",
    buckets: "tokens",
  },
  prefillComputed: {
    vllm: "vllm:request_prefill_kv_computed_tokens",
    help: "Prompt tokens of a finished request that were computed, not cached.",
    buckets: "tokens",
  },
  paramsN: {
    vllm: "vllm:request_params_n",
    help: "Requested number of answers (n).",
    buckets: choiceCountBuckets,
  },
  paramsMaxTokens: {
    vllm: "vllm:request_params_max_tokens",
    help: "Requested maximum number of tokens.",
    buckets: "tokens",
  },
  stepTokens: {
    own: "infernode_step_tokens",
    vllm: "vllm:iteration_tokens_total",
    help: "Tokens processed in one step.",
    buckets: stepTokenBuckets,
  },
  stepDuration: {
    own: "infernode_step_duration_seconds",
    help: "Duration of one step, in seconds.",
    buckets: stepDurationBuckets,
  },
};
