import { createMetrics, type MetricRegistry } from "@infernode/health";
import { expect, test } from "vitest";
import { createInferenceMetrics, type InferenceMetrics } from "../../src/metrics/inference-metrics.ts";
import type { EngineStatsSample, RequestFinishedSample } from "../../src/metrics/inference-samples.ts";
import { parsePrometheusText, valueOf, type Family } from "../../../../test/support/prometheus-text.ts";

interface TestMetrics extends InferenceMetrics {
  readonly registry: MetricRegistry;
}

function createTiny(options: Partial<Parameters<typeof createInferenceMetrics>[0]> = {}): TestMetrics {
  const { registry = createMetrics().registry } = options;
  return { ...createInferenceMetrics({ modelName: "tiny", ...options, registry }), registry };
}

async function read({ registry }: TestMetrics): Promise<ReadonlyMap<string, Family>> {
  return parsePrometheusText(await createMetrics(registry).render());
}

const stats: EngineStatsSample = {
  stepCount: 10,
  aheadStepCount: 0,
  hostHeldStepCount: 0,
  memoryHeldStepCount: 0,
  proposalHeldStepCount: 0,
  proposalCount: 0,
  proposedTokenCount: 0,
  confirmedTokenCount: 0,
  runningSequenceCount: 2,
  waitingRequestCount: 1,
  waitingTokenCount: 40,
  kvCacheUsage: 0.25,
  promptTokenCount: 100,
  generatedTokenCount: 50,
  preemptionCount: 0,
  prefixCacheQueriedTokenCount: 0,
  prefixCacheHitTokenCount: 0,
};

const finished: RequestFinishedSample = {
  finishReason: "stop",
  promptTokenCount: 30,
  cachedPromptTokenCount: 0,
  generatedTokenCount: 11,
  longestAnswerTokenCount: 11,
  queuedMs: 100,
  prefillMs: 400,
  decodeMs: 2000,
  totalMs: 2500,
};

const vllmFamilies = {
  "vllm:num_requests_running": "gauge",
  "vllm:num_requests_waiting": "gauge",
  "vllm:num_requests_waiting_by_reason": "gauge",
  "vllm:kv_cache_usage_perc": "gauge",
  "vllm:cache_config_info": "gauge",
  "vllm:prompt_tokens_total": "counter",
  "vllm:prompt_tokens_by_source_total": "counter",
  "vllm:prompt_tokens_cached_total": "counter",
  "vllm:generation_tokens_total": "counter",
  "vllm:num_preemptions_total": "counter",
  "vllm:prefix_cache_queries_total": "counter",
  "vllm:prefix_cache_hits_total": "counter",
  "vllm:spec_decode_num_drafts_total": "counter",
  "vllm:spec_decode_num_draft_tokens_total": "counter",
  "vllm:spec_decode_num_accepted_tokens_total": "counter",
  "vllm:request_success_total": "counter",
  "vllm:time_to_first_token_seconds": "histogram",
  "vllm:inter_token_latency_seconds": "histogram",
  "vllm:request_time_per_output_token_seconds": "histogram",
  "vllm:e2e_request_latency_seconds": "histogram",
  "vllm:request_queue_time_seconds": "histogram",
  "vllm:request_inference_time_seconds": "histogram",
  "vllm:request_prefill_time_seconds": "histogram",
  "vllm:request_decode_time_seconds": "histogram",
  "vllm:request_prompt_tokens": "histogram",
  "vllm:request_generation_tokens": "histogram",
  "vllm:request_max_num_generation_tokens": "histogram",
  "vllm:request_prefill_kv_computed_tokens": "histogram",
  "vllm:request_params_n": "histogram",
  "vllm:request_params_max_tokens": "histogram",
  "vllm:iteration_tokens_total": "histogram",
};

test("publishes vLLM's names with their types and labels before the first request", async () => {
  const metrics = createTiny({ engineId: "1" });
  metrics.cacheConfig({
    blockTokens: 16,
    blockCount: 512,
    dtype: "f32",
    sizeBytes: 4096,
    hasPrefixCache: false,
  });
  const families = await read(metrics);
  const types = [...families.values()]
    .filter(({ name }) => name.startsWith("vllm:"))
    .map(({ name, type }) => [name, type]);
  expect(Object.fromEntries(types)).toEqual(vllmFamilies);
  for (const { name, samples } of families.values()) {
    expect([name, samples.length]).not.toEqual([name, 0]);
    for (const { labels } of samples) {
      expect({ name, ...labels }).toMatchObject({ name, model_name: "tiny", engine: "1" });
    }
  }
  const labelNames = new Set(
    [...families.values()]
      .flatMap(({ name, samples }) => (name.endsWith("_info") ? [] : samples))
      .flatMap(({ labels }) => Object.keys(labels)),
  );
  expect([...labelNames].toSorted()).toEqual([
    "engine",
    "finish_reason",
    "finished_reason",
    "le",
    "model_name",
    "reason",
    "source",
  ]);
});

test("own names begin with infernode_, name a base unit and end counters with _total", async () => {
  const families = await read(createTiny());
  const own = [...families.values()].filter(({ name }) => !name.startsWith("vllm:"));
  expect(own.length).toBeGreaterThan(15);
  for (const { name, type, help } of own) {
    expect(name).toMatch(/^infernode_[a-z_]+$/);
    expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
    expect(help).toMatch(/\.$/);
    expect(name).not.toMatch(/_ms|milli|_mb/);
  }
});

test.each<[string, string]>([
  [
    "vllm:time_to_first_token_seconds",
    "0.001 0.005 0.01 0.02 0.04 0.06 0.08 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10 20 40 80 160 640 2560 +Inf",
  ],
  [
    "vllm:inter_token_latency_seconds",
    "0.01 0.025 0.05 0.075 0.1 0.15 0.2 0.3 0.4 0.5 0.75 1 2.5 5 7.5 10 20 40 80 +Inf",
  ],
  [
    "vllm:request_time_per_output_token_seconds",
    "0.01 0.025 0.05 0.075 0.1 0.15 0.2 0.3 0.4 0.5 0.75 1 2.5 5 7.5 10 20 40 80 +Inf",
  ],
  [
    "vllm:e2e_request_latency_seconds",
    "0.3 0.5 0.8 1 1.5 2 2.5 5 10 15 20 30 40 50 60 120 240 480 960 1920 7680 +Inf",
  ],
  [
    "vllm:request_queue_time_seconds",
    "0.3 0.5 0.8 1 1.5 2 2.5 5 10 15 20 30 40 50 60 120 240 480 960 1920 7680 +Inf",
  ],
  ["vllm:request_prompt_tokens", "1 2 5 10 20 50 100 200 500 1000 2000 +Inf"],
  ["vllm:request_params_n", "1 2 5 10 20 +Inf"],
  ["vllm:iteration_tokens_total", "1 8 16 32 64 128 256 512 1024 2048 4096 8192 16384 +Inf"],
])("%s has vLLM's buckets", async (name, bounds) => {
  const families = await read(createTiny({ contextTokens: 4096 }));
  const found = families.get(name)?.samples.flatMap(({ labels }) => labels["le"] ?? []);
  expect(found?.join(" ")).toBe(bounds);
});

test("a finished request is observed in every histogram, in seconds", async () => {
  const metrics = createTiny();
  metrics.requestQueued({ n: 2, maxTokens: 64 });
  metrics.requestScheduled({ queuedMs: 100 });
  metrics.firstToken({ timeToFirstTokenMs: 500 });
  metrics.requestFinished(finished);
  const families = await read(metrics);
  const sums = {
    "vllm:request_params_n": 2,
    "vllm:request_params_max_tokens": 64,
    infernode_request_queue_seconds: 0.1,
    "vllm:time_to_first_token_seconds": 0.5,
    "vllm:e2e_request_latency_seconds": 2.5,
    "vllm:request_queue_time_seconds": 0.1,
    "vllm:request_prefill_time_seconds": 0.4,
    "vllm:request_decode_time_seconds": 2,
    "vllm:request_inference_time_seconds": 2.4,
    "vllm:request_time_per_output_token_seconds": 0.2,
    "vllm:request_prompt_tokens": 30,
    "vllm:request_generation_tokens": 11,
    infernode_request_duration_seconds: 2.5,
  };
  for (const [name, sum] of Object.entries(sums)) {
    const found = { name, sum: valueOf(families, `${name}_sum`), count: valueOf(families, `${name}_count`) };
    expect(found).toEqual({ name, sum: expect.closeTo(sum, 10), count: 1 });
  }
  expect(valueOf(families, "vllm:request_success_total", { finished_reason: "stop" })).toBe(1);
  expect(valueOf(families, "vllm:request_success_total", { finished_reason: "abort" })).toBe(0);
  expect(valueOf(families, "infernode_requests_finished_total", { finish_reason: "stop" })).toBe(1);
});

test("concurrent answers share the decode time of the longest one", async () => {
  const metrics = createTiny();
  metrics.requestFinished({ ...finished, generatedTokenCount: 18, longestAnswerTokenCount: 11 });
  const families = await read(metrics);
  expect(valueOf(families, "vllm:request_time_per_output_token_seconds_sum")).toBeCloseTo(0.2, 10);
  expect(valueOf(families, "vllm:request_generation_tokens_sum")).toBe(18);
  expect(valueOf(families, "vllm:request_max_num_generation_tokens_sum")).toBe(11);
});

test("cached prompt tokens are not counted as computed", async () => {
  const metrics = createTiny();
  metrics.requestFinished({ ...finished, cachedPromptTokenCount: 16 });
  metrics.stats({ ...stats, prefixCacheHitTokenCount: 16 });
  const families = await read(metrics);
  expect(valueOf(families, "vllm:request_prefill_kv_computed_tokens_sum")).toBe(14);
  const source = "vllm:prompt_tokens_by_source_total";
  expect(valueOf(families, source, { source: "local_compute" })).toBe(100);
  expect(valueOf(families, source, { source: "local_cache_hit" })).toBe(16);
  expect(valueOf(families, "vllm:prompt_tokens_cached_total")).toBe(16);
});

test("counts a crash, and its failed requests as finished with an error", async () => {
  const metrics = createTiny();
  metrics.engineCrashed({ failedRequestCount: 3 });
  metrics.engineCrashed({ failedRequestCount: 0 });
  const families = await read(metrics);
  expect(valueOf(families, "infernode_engine_crashes_total")).toBe(2);
  expect(valueOf(families, "vllm:request_success_total", { finished_reason: "error" })).toBe(3);
  expect(valueOf(families, "infernode_requests_finished_total", { finish_reason: "error" })).toBe(3);
});

test("a request that left the queue counts as finished but not as a prefill of 0 s", async () => {
  const metrics = createTiny();
  metrics.requestFinished({
    finishReason: "abort",
    promptTokenCount: 30,
    cachedPromptTokenCount: 0,
    generatedTokenCount: 0,
    longestAnswerTokenCount: 0,
    queuedMs: 700,
    prefillMs: 0,
    decodeMs: 0,
    totalMs: 700,
  });
  const families = await read(metrics);
  expect(valueOf(families, "vllm:request_success_total", { finished_reason: "abort" })).toBe(1);
  expect(valueOf(families, "vllm:request_queue_time_seconds_count")).toBe(1);
  expect(valueOf(families, "vllm:request_prefill_time_seconds_count")).toBe(0);
  expect(valueOf(families, "vllm:request_time_per_output_token_seconds_count")).toBe(0);
});

test("a step sets the gauges and gives each decoded token its duration", async () => {
  const metrics = createTiny();
  metrics.stepFinished({
    stepMs: 40,
    prefillTokenCount: 100,
    decodeTokenCount: 3,
    runningSequenceCount: 4,
    waitingRequestCount: 7,
    kvCacheUsage: 0.5,
  });
  const families = await read(metrics);
  expect(valueOf(families, "vllm:inter_token_latency_seconds_count")).toBe(3);
  expect(valueOf(families, "vllm:inter_token_latency_seconds_sum")).toBeCloseTo(0.12, 10);
  expect(valueOf(families, "vllm:iteration_tokens_total_sum")).toBe(103);
  expect(valueOf(families, "infernode_step_duration_seconds_sum")).toBeCloseTo(0.04, 10);
  expect(valueOf(families, "vllm:num_requests_running")).toBe(4);
  expect(valueOf(families, "vllm:num_requests_waiting")).toBe(7);
  expect(valueOf(families, "vllm:num_requests_waiting_by_reason", { reason: "capacity" })).toBe(7);
  expect(valueOf(families, "vllm:kv_cache_usage_perc")).toBe(0.5);
});

test("counters continue when the engine restarts from zero", async () => {
  const metrics = createTiny();
  metrics.stats(stats);
  metrics.stats({
    ...stats,
    generatedTokenCount: 80,
    preemptionCount: 2,
    prefixCacheQueriedTokenCount: 90,
    prefixCacheHitTokenCount: 60,
  });
  metrics.stats({ ...stats, stepCount: 1, promptTokenCount: 5, generatedTokenCount: 1, preemptionCount: 0 });
  metrics.stats({ ...stats, stepCount: 2, promptTokenCount: 5, generatedTokenCount: 2, preemptionCount: 1 });
  const families = await read(metrics);
  expect(valueOf(families, "infernode_engine_steps_total")).toBe(12);
  expect(valueOf(families, "vllm:prompt_tokens_total")).toBe(105);
  expect(valueOf(families, "vllm:generation_tokens_total")).toBe(82);
  expect(valueOf(families, "infernode_generated_tokens_total")).toBe(82);
  expect(valueOf(families, "vllm:num_preemptions_total")).toBe(3);
  expect(valueOf(families, "vllm:prefix_cache_queries_total")).toBe(90);
  expect(valueOf(families, "vllm:prefix_cache_hits_total")).toBe(60);
  expect(valueOf(families, "infernode_waiting_tokens")).toBe(40);
});

test.each(['quotes "inside"', "line\nfeed", "back\\slash\\n", 'all \\"\n at once', "org/模型-é"])(
  "a model named %j is written so that it can be read back",
  async (modelName) => {
    const metrics = createTiny({ modelName });
    metrics.stats(stats);
    metrics.requestFinished(finished);
    const families = await read(metrics);
    expect(valueOf(families, "vllm:num_requests_running", { model_name: modelName })).toBe(2);
    expect(
      valueOf(families, "vllm:e2e_request_latency_seconds_bucket", { model_name: modelName, le: "+Inf" }),
    ).toBe(1);
  },
);

test("several models share a registry, and one can be removed", async () => {
  const { registry } = createMetrics();
  const first = createTiny({ registry, modelName: "first" });
  const second = createTiny({ registry, modelName: "second" });
  first.stats(stats);
  first.requestFinished(finished);
  second.stats({ ...stats, runningSequenceCount: 9 });
  const together = await read(second);
  expect(valueOf(together, "vllm:num_requests_running", { model_name: "first" })).toBe(2);
  expect(valueOf(together, "vllm:num_requests_running", { model_name: "second" })).toBe(9);

  first.dispose();
  first.dispose();
  first.stats(stats);
  first.requestFinished(finished);
  const labels = [...(await read(second)).values()].flatMap(({ samples }) =>
    samples.map(({ labels }) => labels["model_name"]),
  );
  expect(new Set(labels)).toEqual(new Set(["second"]));
});

test.each<[string, object]>([
  ["model_name", { modelName: "" }],
  ["engine", { engineId: "" }],
  ["bucket", { contextTokens: -1 }],
])("refuses what gives a wrong %s", (part, options) => {
  expect(() => createTiny(options)).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining(part) }),
  );
});
