import { weightModes } from "../weight-mode.ts";
import { engineDefaults } from "./engine-defaults.ts";
import { executorPreferences, runtimePreferences } from "./executor-names.ts";
import { bytes, choice, gpuName, integer, milliseconds, share, text, toggle } from "./setting-kinds.ts";
import type { Setting } from "./setting.ts";

const maxTokens = 2 ** 24;

/** Those of the engine that runs a model. */
export const engineSettings: readonly Setting[] = [
  {
    path: "engine.maxSequences",
    kind: integer(1, 4096),
    default: undefined,
    flag: "max-sequences",
    description: "sequences that run at once; by default 16, on a GPU 64, or fewer if memory is short",
  },
  {
    path: "engine.contextTokens",
    kind: integer(16, maxTokens),
    default: undefined,
    flag: "context-tokens",
    description:
      "longest prompt and answer together; by default the checkpoint's context, or less if memory is short",
  },
  {
    path: "engine.maxTokensPerStep",
    kind: integer(1, 2 ** 20),
    default: engineDefaults.maxTokensPerStep,
    flag: "max-tokens-per-step",
    description: "prefill and decode tokens in one step; bounds the duration of a step",
  },
  {
    path: "engine.stepTimeMs",
    kind: milliseconds(1),
    default: engineDefaults.stepTimeMs,
    flag: "step-time",
    description:
      "target duration of the prefill in a step that sequences get tokens from, by measurement; " +
      "four times as long in other steps; at least 32 tokens are processed",
  },
  {
    path: "engine.streamIntervalTokens",
    kind: integer(1, 4096),
    default: engineDefaults.streamIntervalTokens,
    flag: "stream-interval",
    description:
      "tokens of an answer that are gathered for one chunk of a stream, but for its first and its last one: with more, " +
      "streams take less of the processor, and tokens come in groups",
  },
  {
    path: "engine.maxQueuedRequests",
    kind: integer(1, 1_000_000),
    default: engineDefaults.maxQueuedRequests,
    flag: "max-queued-requests",
    description: "requests that may be queued; further ones get 429",
  },
  {
    path: "engine.maxQueuedTokens",
    kind: integer(1, 2 ** 31 - 1),
    default: engineDefaults.maxQueuedTokens,
    flag: "max-queued-tokens",
    description: "prompt tokens that may be queued; further requests get 429",
  },
  {
    path: "engine.answerMemoryBytes",
    kind: bytes(2 ** 20),
    default: undefined,
    flag: "answer-memory",
    description:
      "memory for the texts and log-probabilities of answers in progress; by default an eighth of the memory that may be used, " +
      "at most 256 MiB, and at least enough for one whole answer",
  },
  {
    path: "engine.promptTimeoutMs",
    kind: milliseconds(10),
    default: engineDefaults.promptTimeoutMs,
    flag: "prompt-timeout",
    description:
      "time to render and tokenize one prompt, plus 1 ms for each 500 characters; a prompt that takes longer gets 400",
  },
  {
    path: "engine.threads",
    kind: integer(1, 1024),
    default: undefined,
    flag: "threads",
    description: "threads of one forward pass of onnxruntime; by default the processor's cores",
  },
  {
    path: "engine.executor",
    kind: choice(executorPreferences),
    default: engineDefaults.executor,
    flag: "executor",
    description:
      "what computes: onnxruntime (onnx); an NVIDIA GPU (cuda); TensorFlow.js (tfjs), which is installed beside and slower; " +
      "auto: cuda where a GPU computes what it should, or else onnx",
  },
  {
    path: "engine.device",
    kind: gpuName(),
    default: engineDefaults.device,
    flag: "device",
    description: "the GPU of the CUDA executor",
  },
  {
    path: "engine.gpuMemoryUtilization",
    kind: share(),
    default: engineDefaults.gpuMemoryUtilization,
    flag: "gpu-memory-utilization",
    description:
      "the share of the GPU's memory that the CUDA executor may use; the KV cache gets what weights and workspaces leave of it",
  },
  {
    path: "engine.runtime",
    kind: choice(runtimePreferences),
    default: engineDefaults.runtime,
    flag: "runtime",
    description:
      "how the executor calls its library: onnxruntime through its C API (ffi) or its Node.js binding; " +
      "TensorFlow.js through one of its packages; CUDA through its driver",
  },
  {
    path: "engine.quantize",
    kind: choice(["auto", ...weightModes]),
    default: engineDefaults.quantize,
    flag: "quantize",
    description:
      "quantize the weights when they are loaded, once: the result is kept in the cache directory; " +
      "int8 is near the stored weights, int4 is smaller and faster and loses more; " +
      "auto is int8, or none for small models and for weights that are quantized already",
  },
  {
    path: "engine.kvCacheDtype",
    kind: choice(["float32", "bfloat16", "int8"]),
    default: undefined,
    flag: "kv-cache-dtype",
    description:
      "how keys and values of sequences are kept: by default as computed, float32; on a GPU, bfloat16 with weights of 16 " +
      "and fewer bits; int8 takes about a quarter of float32 and loses a little; bfloat16 is for the CUDA executor",
  },
  {
    path: "engine.productPrecision",
    kind: choice(["auto", "float32", "16-bit"]),
    default: engineDefaults.productPrecision,
    flag: "product-precision",
    description:
      "inputs of products with weights of 16 bits or in blocks: rounded to 16 bits for tensor cores, with sums in float32, on " +
      "the CUDA executor only; or float32, which is slower there; auto: 16-bit on the CUDA executor, float32 on others",
  },
  {
    path: "engine.productLibrary",
    kind: choice(["none", "cublasLt"]),
    default: engineDefaults.productLibrary,
    flag: "product-library",
    description:
      "what computes products of more than 64 rows of prompts with weights of bf16 or f16: the executor's own kernels, or " +
      "NVIDIA's cuBLASLt where it is installed, on the CUDA executor only",
  },
  {
    path: "engine.productLibraryPath",
    kind: text("a file", "<file>"),
    default: undefined,
    flag: "product-library-path",
    description:
      "the file of cuBLASLt, such as libcublasLt.so.13 of PyTorch's packages, with productLibrary cublasLt only; by default " +
      "the library of CUDA 13 or 12 that the system finds by its name",
    isPath: true,
  },
  {
    path: "engine.runsAhead",
    kind: toggle(),
    default: engineDefaults.runsAhead,
    flag: "run-ahead",
    description:
      "begin a step while the one before it runs, on the CUDA executor; answers are the same either way: off to find faults",
  },
  {
    path: "engine.speculation",
    kind: choice(["none", "ngram"]),
    default: engineDefaults.speculation,
    flag: "speculation",
    description:
      "propose tokens that the model verifies in one step beside the one that it computes: ngram looks for the last tokens in " +
      "the prompt and the answer, and proposes what followed there; for requests with a prediction it is on in any case",
  },
  {
    path: "engine.speculationTokens",
    kind: integer(1, 64),
    default: engineDefaults.speculationTokens,
    flag: "speculation-tokens",
    description: "tokens that are proposed for a sequence in one step, at most",
  },
  {
    path: "engine.speculationMaxSequences",
    kind: integer(1, 4096),
    default: engineDefaults.speculationMaxSequences,
    flag: "speculation-max-sequences",
    description:
      "propose nothing while more sequences than this decode; on other executors than CUDA proposals are for one that decodes alone",
  },
  {
    path: "engine.maxAdapters",
    kind: integer(1, 1024),
    default: undefined,
    flag: "max-loras",
    description:
      "adapters that there is memory for; by default as many as are configured, " +
      "and at least 4 where they may be loaded while serving",
  },
  {
    path: "engine.maxAdapterRank",
    kind: integer(1, 4096),
    default: engineDefaults.maxAdapterRank,
    flag: "max-lora-rank",
    description: "largest rank of an adapter; each of maxAdapters takes memory for it",
  },
  {
    path: "engine.allowsAdapterUpdates",
    kind: toggle(),
    default: engineDefaults.allowsAdapterUpdates,
    flag: "allow-runtime-lora-updating",
    description:
      "clients may have adapters loaded, from any directory of this machine, and unloaded while it serves",
  },
  {
    path: "engine.cacheDirectory",
    kind: text("a directory", "<directory>"),
    default: undefined,
    flag: "cache-dir",
    description: "directory of quantized weights; by default infernode/weights in the user's cache directory",
    isPath: true,
  },
  {
    path: "engine.cacheLimitBytes",
    kind: bytes(2 ** 20),
    default: engineDefaults.cacheLimitBytes,
    flag: "cache-limit",
    description: "size of the cache directory; the least recently used weights are removed to keep it",
  },
  {
    path: "engine.memoryLimitBytes",
    kind: bytes(2 ** 20),
    default: undefined,
    flag: "memory-limit",
    isTotal: true,
    description:
      "memory that all models may use together; a model that needs more is refused; by default the system's free memory",
  },
  {
    path: "engine.startTimeoutMs",
    kind: milliseconds(1000),
    default: engineDefaults.startTimeoutMs,
    flag: "start-timeout",
    description:
      "time for the engine process to load the model; while weights are quantized, it begins anew with each part of them",
  },
  {
    path: "engine.hangAfterMs",
    kind: milliseconds(1000),
    default: undefined,
    flag: "hang-after",
    description:
      "an engine process that has work and makes no step for this long is killed and restarted; " +
      "by default 10 minutes, and proportionally more if maxTokensPerStep is above 256",
  },
  {
    path: "engine.maxRestarts",
    kind: integer(0, 1000),
    default: engineDefaults.maxRestarts,
    flag: "max-restarts",
    description:
      "consecutive crashes of an engine, without a served request in between, after which it has failed",
  },
];
