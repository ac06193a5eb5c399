import {
  createSeriesScope,
  type FamilyDefinition,
  type MetricRegistry,
  type Recorder,
  type SeriesScope,
} from "@infernode/health";
import { oneTwoFiveBuckets } from "./buckets.ts";
import {
  counterFamilies,
  gaugeFamilies,
  histogramFamilies,
  type CounterKey,
  type DualBuckets,
  type DualFamily,
  type GaugeKey,
  type HistogramKey,
} from "./inference-families.ts";
import type {
  CacheConfigSample,
  EngineCrashedSample,
  EngineStatsSample,
  FirstTokenSample,
  RequestFinishedSample,
  RequestQueuedSample,
  RequestScheduledSample,
  StepFinishedSample,
} from "./inference-samples.ts";
import { createTotalCounter } from "./total-counter.ts";

/** What `createInferenceMetrics` takes. */
export interface InferenceMetricsOptions {
  /** Several models can share a registry. */
  readonly registry: MetricRegistry;
  /** The label `model_name`. */
  readonly modelName: string;
  /** The label `engine`, which distinguishes replicas of a model. [0] */
  readonly engineId?: string;
  /** Largest bound of token histograms; the first model in a registry determines it. [131072] */
  readonly contextTokens?: number;
}

/** Metrics of one engine, under Infernode's and vLLM's names. */
export interface InferenceMetrics extends Disposable {
  requestQueued(sample: RequestQueuedSample): void;
  requestScheduled(sample: RequestScheduledSample): void;
  firstToken(sample: FirstTokenSample): void;
  requestFinished(sample: RequestFinishedSample): void;
  stepFinished(sample: StepFinishedSample): void;
  /** Counts requests that failed with the engine as finished with an error. */
  engineCrashed(sample: EngineCrashedSample): void;
  /** Updates the gauges and all counts of tokens, steps, preemptions and cache hits. Call it at least before `render`. */
  stats(sample: EngineStatsSample): void;
  cacheConfig(sample: CacheConfigSample): void;
  /** Removes the engine's series from the registry; later calls have no effect. */
  dispose(): void;
}

const finishReasons = ["stop", "length", "abort", "error"] as const;

/**
 * Creates the metrics of one engine. Token counts come from `stats` alone, latencies from the events.
 * @throws HealthError `INVALID_OPTION`, `METRIC_CONFLICT`
 */
export function createInferenceMetrics(options: InferenceMetricsOptions): InferenceMetrics {
  const { registry, modelName, engineId = "0", contextTokens = 131_072 } = options;
  const scope = createSeriesScope(registry, { model_name: modelName, engine: engineId });
  const gauges = createGauges(scope);
  const counters = createCounters(scope);
  const observe = createHistograms(scope, contextTokens);
  const finished = createFinishedCounter(scope);
  const crashes = scope.counter({
    name: "infernode_engine_crashes_total",
    help: "Unexpected exits of the engine process.",
  });
  const setCacheConfig = createCacheConfigGauge(scope);

  const setWaiting = (requestCount: number): void => {
    gauges.waitingRequests(requestCount);
    // Queued requests wait for room in the batch or in the KV cache.
    gauges.waitingForCapacity(requestCount);
  };

  return {
    requestQueued({ n, maxTokens }) {
      observe.paramsN(n);
      observe.paramsMaxTokens(maxTokens);
    },
    requestScheduled: ({ queuedMs }) => observe.scheduledAfter(queuedMs / 1000),
    firstToken: ({ timeToFirstTokenMs }) => observe.timeToFirstToken(timeToFirstTokenMs / 1000),
    requestFinished(sample) {
      const { prefillMs, decodeMs, promptTokenCount, generatedTokenCount } = sample;
      const { longestAnswerTokenCount, cachedPromptTokenCount } = sample;
      finished(sample.finishReason, 1);
      observe.totalTime(sample.totalMs / 1000);
      observe.queueTime(sample.queuedMs / 1000);
      observe.promptLength(promptTokenCount);
      observe.generatedLength(generatedTokenCount);
      observe.longestAnswer(longestAnswerTokenCount);
      // Without a step there are no durations to observe.
      if (prefillMs === 0 && generatedTokenCount === 0) return;
      observe.prefillTime(prefillMs / 1000);
      observe.decodeTime(decodeMs / 1000);
      observe.inferenceTime((prefillMs + decodeMs) / 1000);
      if (generatedTokenCount > 0) observe.prefillComputed(promptTokenCount - cachedPromptTokenCount);
      // The shorter answers were decoded in the same steps.
      const intervalCount = longestAnswerTokenCount - 1;
      if (intervalCount > 0) observe.timePerOutputToken(decodeMs / 1000 / intervalCount);
    },
    stepFinished(sample) {
      const stepSeconds = sample.stepMs / 1000;
      observe.stepDuration(stepSeconds);
      observe.stepTokens(sample.prefillTokenCount + sample.decodeTokenCount);
      if (sample.decodeTokenCount > 0) observe.interTokenLatency(stepSeconds, sample.decodeTokenCount);
      gauges.runningSequences(sample.runningSequenceCount);
      setWaiting(sample.waitingRequestCount);
      gauges.kvCacheUsage(sample.kvCacheUsage);
    },
    engineCrashed({ failedRequestCount }) {
      crashes(1);
      finished("error", failedRequestCount);
    },
    stats(sample) {
      gauges.runningSequences(sample.runningSequenceCount);
      setWaiting(sample.waitingRequestCount);
      gauges.waitingTokens(sample.waitingTokenCount);
      gauges.kvCacheUsage(sample.kvCacheUsage);
      counters.steps(sample.stepCount);
      counters.stepsAhead(sample.aheadStepCount);
      counters.stepsHeldByHost(sample.hostHeldStepCount);
      counters.stepsHeldByMemory(sample.memoryHeldStepCount);
      counters.stepsHeldByProposals(sample.proposalHeldStepCount);
      counters.proposals(sample.proposalCount);
      counters.proposedTokens(sample.proposedTokenCount);
      counters.confirmedTokens(sample.confirmedTokenCount);
      counters.promptTokens(sample.promptTokenCount);
      counters.generatedTokens(sample.generatedTokenCount);
      counters.preemptions(sample.preemptionCount);
      counters.prefixCacheQueries(sample.prefixCacheQueriedTokenCount);
      counters.computedPromptTokens(sample.promptTokenCount);
      for (const addHits of [
        counters.prefixCacheHits,
        counters.cachedPromptTokens,
        counters.promptTokensFromCache,
      ]) {
        addHits(sample.prefixCacheHitTokenCount);
      }
    },
    cacheConfig: setCacheConfig,
    dispose: () => scope.dispose(),
    [Symbol.dispose]: () => scope.dispose(),
  };
}

function createGauges(scope: SeriesScope): Record<GaugeKey, Recorder> {
  return mapValues(gaugeFamilies, (family) => dual(family, (definition) => scope.gauge(definition)));
}

/** Creates counters that take totals and continue when the engine restarts from zero. */
function createCounters(scope: SeriesScope): Record<CounterKey, Recorder> {
  return mapValues(counterFamilies, (family) =>
    createTotalCounter(dual(family, (definition) => scope.counter(definition))),
  );
}

/** Observes a value, once or several times. */
type Observe = (value: number, count?: number) => void;

function createHistograms(scope: SeriesScope, contextTokens: number): Record<HistogramKey, Observe> {
  const tokenBuckets = oneTwoFiveBuckets(contextTokens);
  const bounds = (buckets: DualBuckets): readonly number[] => (buckets === "tokens" ? tokenBuckets : buckets);
  return mapValues(histogramFamilies, ({ own, vllm, help, buckets, ownBuckets = buckets }) => {
    const observers = [
      own && scope.histogram({ name: own, help, buckets: bounds(ownBuckets) }),
      vllm && scope.histogram({ name: vllm, help, buckets: bounds(buckets) }),
    ].filter((observe) => typeof observe === "function");
    return (value, count) => {
      for (const observe of observers) observe(value, undefined, count);
    };
  });
}

function createFinishedCounter(
  scope: SeriesScope,
): (reason: RequestFinishedSample["finishReason"], count: number) => void {
  const help = "Finished requests, by finish reason.";
  const own = scope.counter({
    name: "infernode_requests_finished_total",
    help,
    labelNames: ["finish_reason"],
  });
  const vllm = scope.counter({ name: "vllm:request_success_total", help, labelNames: ["finished_reason"] });
  const add = (reason: string, count: number): void => {
    own(count, { finish_reason: reason });
    vllm(count, { finished_reason: reason });
  };
  for (const reason of finishReasons) add(reason, 0);
  return add;
}

function createCacheConfigGauge(scope: SeriesScope): (sample: CacheConfigSample) => void {
  const vllm = scope.gauge({
    name: "vllm:cache_config_info",
    help: "Configuration of the KV cache; the value is always 1.",
    labelNames: [
      "block_size",
      "num_gpu_blocks",
      "cache_dtype",
      "kv_cache_memory_bytes",
      "enable_prefix_caching",
    ],
  });
  return ({ blockTokens, blockCount, dtype, sizeBytes, hasPrefixCache }) =>
    vllm(1, {
      block_size: String(blockTokens),
      num_gpu_blocks: String(blockCount),
      cache_dtype: dtype,
      kv_cache_memory_bytes: String(sizeBytes),
      enable_prefix_caching: hasPrefixCache ? "True" : "False",
    });
}

/** Creates one recorder for Infernode's name and vLLM's. */
function dual(
  { own, vllm, help, labels }: DualFamily,
  create: (definition: FamilyDefinition) => Recorder,
): Recorder {
  return both(
    [own, vllm].map((name) => {
      if (name === undefined) return undefined;
      if (labels === undefined) return create({ name, help });
      const record = create({ name, help, labelNames: Object.keys(labels) });
      record(0, labels);
      return (value: number) => record(value, labels);
    }),
  );
}

function both(recorders: readonly (Recorder | undefined)[]): Recorder {
  const present = recorders.filter((recorder) => typeof recorder === "function");
  return (value) => {
    for (const record of present) record(value);
  };
}

function mapValues<Key extends string, From, To>(
  table: Readonly<Record<Key, From>>,
  map: (value: From) => To,
): Record<Key, To> {
  const entries = Object.entries<From>(table).map(([key, value]) => [key, map(value)]);
  return Object.fromEntries(entries) as Record<Key, To>;
}
