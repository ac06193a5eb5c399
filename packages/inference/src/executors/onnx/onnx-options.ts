import type { LanguageModel } from "@infernode/models";
import { InferenceError } from "../../errors.ts";
import type { MemoryPort } from "../../ports.ts";
import { defaultThreadCount } from "./thread-count.ts";

/** What an executor needs of a loaded model. */
export type OnnxModel = Pick<LanguageModel, "name" | "config" | "architecture" | "weights">;

/** Sizes that decide how much memory an executor takes. */
export interface OnnxMemoryOptions {
  /** Sequences that have a place in the KV cache at once. */
  readonly maxSequences: number;
  /** The longest sequence. [the model's own limit] */
  readonly contextTokens?: number;
  /** Longer chunks of a prompt are run in parts of this many tokens. [512, at most the context] */
  readonly maxChunkTokens?: number;
}

/** What a caller should know though it works. */
export interface OnnxWarning {
  readonly code: "FFI_UNAVAILABLE";
  readonly message: string;
}

/** What `createOnnxExecutor` takes. */
export interface OnnxExecutorOptions extends OnnxMemoryOptions {
  readonly model: OnnxModel;
  /** Holds the KV cache, the logits and the executor's own buffers. */
  readonly memory: MemoryPort;
  /** Threads of one forward pass. [physical cores] */
  readonly threads?: number;
  /** Threads wait for work by spinning: a little faster alone, and costly to everything else. [false] */
  readonly allowSpinning?: boolean;
  /**
   * `ffi` calls the runtime's C API; `binding` goes through onnxruntime-node's own binding, which
   * blocks the event loop and copies the KV cache at each step; `auto` takes `ffi` and falls back with
   * a warning. [`auto`]
   */
  readonly runtime?: "auto" | "ffi" | "binding";
  /** Told when the executor runs, but not as it was meant to. */
  readonly onWarning?: (warning: OnnxWarning) => void;
  /** Called between the opening of the runtime and the loading of the weights, so that each can be measured. */
  readonly onRuntimeOpened?: () => void;
}

/** Sizes with nothing left open. */
export interface ResolvedOnnxMemoryOptions {
  readonly maxSequences: number;
  readonly contextTokens: number;
  readonly maxChunkTokens: number;
}

/** Options with nothing left open. */
export interface ResolvedOnnxOptions extends ResolvedOnnxMemoryOptions {
  readonly threads: number;
  readonly allowSpinning: boolean;
  readonly runtime: "auto" | "ffi" | "binding";
}

const MEMORY_KEYS = ["maxSequences", "contextTokens", "maxChunkTokens"];
const KEYS = [
  ...MEMORY_KEYS,
  "model",
  "memory",
  "threads",
  "allowSpinning",
  "runtime",
  "onWarning",
  "onRuntimeOpened",
];
const DEFAULT_CHUNK_TOKENS = 512;

/** @throws InferenceError `INVALID_EXECUTOR_OPTIONS` */
export function resolveOnnxOptions(options: OnnxExecutorOptions): ResolvedOnnxOptions {
  assertKnownKeys(options, KEYS);
  const { threads = defaultThreadCount(), allowSpinning = false, runtime = "auto" } = options;
  assertCount("threads", threads, 1024);
  if (typeof allowSpinning !== "boolean") {
    throw invalid("allowSpinning", "true or false", allowSpinning);
  }
  if (!["auto", "ffi", "binding"].includes(runtime)) {
    throw invalid("runtime", '"auto", "ffi" or "binding"', runtime);
  }
  return Object.freeze({ ...resolveSizes(options.model, options), threads, allowSpinning, runtime });
}

/** @throws InferenceError `INVALID_EXECUTOR_OPTIONS` */
export function resolveOnnxMemoryOptions(
  model: OnnxModel,
  options: OnnxMemoryOptions,
): ResolvedOnnxMemoryOptions {
  assertKnownKeys(options, MEMORY_KEYS);
  return Object.freeze(resolveSizes(model, options));
}

function resolveSizes(model: OnnxModel, options: OnnxMemoryOptions): ResolvedOnnxMemoryOptions {
  const limit = model.config.contextTokens;
  const { maxSequences, contextTokens = limit } = options;
  assertCount("maxSequences", maxSequences, 4096);
  if (!isCount(contextTokens, limit)) {
    throw invalid("contextTokens", `an integer from 1 to ${limit}, the model's context`, contextTokens);
  }
  const { maxChunkTokens = Math.min(DEFAULT_CHUNK_TOKENS, contextTokens) } = options;
  assertCount("maxChunkTokens", maxChunkTokens, contextTokens);
  return { maxSequences, contextTokens, maxChunkTokens };
}

function assertKnownKeys(options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new InferenceError(
        "INVALID_EXECUTOR_OPTIONS",
        `options of the onnx executor are ${known.join(", ")}; found ${key}`,
      );
    }
  }
}

function assertCount(name: string, value: number, limit: number): void {
  if (!isCount(value, limit)) {
    throw invalid(name, `an integer from 1 to ${limit}`, value);
  }
}

function isCount(value: number, limit: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= limit;
}

function invalid(name: string, wanted: string, found: unknown): InferenceError {
  return new InferenceError(
    "INVALID_EXECUTOR_OPTIONS",
    `\`${name}\` must be ${wanted}; found ${String(found)}`,
  );
}
