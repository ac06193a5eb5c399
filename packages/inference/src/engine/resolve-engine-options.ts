import { InferenceError } from "../errors.ts";
import { type EngineEventSink, silentEvents } from "../events.ts";
import type { Executor } from "../executors/executor.ts";
import type { ClockPort, DiscoveryPort, HealthPort, MemoryPort, TokenDecoderPort } from "../ports.ts";
import { systemClock } from "./system-clock.ts";

/** Bounds of an engine. Defaults in brackets. */
export interface EngineLimits {
  /** Requests that wait beyond those that could run at once. [256] */
  readonly maxQueuedRequests: number;
  /** Prompt tokens that wait; a request alone in the queue is always taken. [131072] */
  readonly maxQueuedTokens: number;
  /** Tokens of one forward pass at most. [256] */
  readonly maxTokensPerStep: number;
  /**
   * How long the prompts' part of a step should take: parts of prompts are made as short as that needs, by the
   * time that steps took before, but not shorter than 32 tokens. It bounds how late a cancelled prompt leaves. [100]
   */
  readonly stepTimeMs: number;
  /** Tokens of one prompt in one step. [maxTokensPerStep] */
  readonly maxChunkTokens: number;
  /** [what the KV cache holds, at most maxTokensPerStep] */
  readonly maxRunningSequences: number;
  /** The health check fails when there is work but no step for so long. [30000] */
  readonly stallAfterMs: number;
}

/** What the engine says of itself where it is registered. */
export type EngineService = Parameters<DiscoveryPort["register"]>[0];

/** What `createEngine` takes. Defaults in brackets. */
export interface EngineOptions<
  Memory extends MemoryPort = MemoryPort,
  Health extends HealthPort | undefined = undefined,
  Discovery extends DiscoveryPort | undefined = undefined,
> {
  /** Stays the caller's: disposed by who made it, after the engine. */
  readonly executor: Executor;
  readonly tokenizer: TokenDecoderPort;
  /** Tokens that end an answer. */
  readonly eosTokenIds: readonly number[];
  /** The model's name, for events and the memory's ledger. */
  readonly model: string;
  /** Tells the engines of a program apart in events, beside `model`. ["0"] */
  readonly engineId?: string;
  /** Holds the sampler's scratch. */
  readonly memory: Memory;
  /** [the platform's monotonic clock] */
  readonly clock?: ClockPort;
  /** [nobody is told] */
  readonly events?: EngineEventSink;
  readonly health?: Health;
  /** With `service`: registered when the engine starts, deregistered when it is disposed. */
  readonly discovery?: Discovery;
  readonly service?: EngineService;
  readonly limits?: Partial<EngineLimits>;
  /** Uniform in [0, 1); makes the seeds of requests that name none. [Math.random] */
  readonly random?: () => number;
}

/** Options in which nothing is optional but the ports. */
export interface ResolvedEngineOptions {
  readonly executor: Executor;
  readonly tokenizer: TokenDecoderPort;
  readonly eosTokenIds: ReadonlySet<number>;
  readonly model: string;
  readonly engineId: string;
  readonly memory: MemoryPort;
  readonly clock: ClockPort;
  readonly events: EngineEventSink;
  readonly health: HealthPort | undefined;
  readonly discovery: DiscoveryPort | undefined;
  readonly service: EngineService | undefined;
  readonly limits: EngineLimits;
  readonly random: () => number;
  /** Tokens that can be computed and decoded both. */
  readonly vocabSize: number;
  readonly contextTokens: number;
}

const optionNames: readonly (keyof ResolvedEngineOptions)[] = [
  "executor",
  "tokenizer",
  "eosTokenIds",
  "model",
  "engineId",
  "memory",
  "clock",
  "events",
  "health",
  "discovery",
  "service",
  "limits",
  "random",
];
const limitNames: readonly (keyof EngineLimits)[] = [
  "maxQueuedRequests",
  "maxQueuedTokens",
  "maxTokensPerStep",
  "stepTimeMs",
  "maxChunkTokens",
  "maxRunningSequences",
  "stallAfterMs",
];

/** @throws InferenceError `INVALID_ENGINE_OPTIONS` */
export function resolveEngineOptions(
  options: EngineOptions<MemoryPort, HealthPort | undefined, DiscoveryPort | undefined>,
): ResolvedEngineOptions {
  assertKnown("options", options, optionNames);
  const { executor, tokenizer, model, engineId = "0", memory, discovery, service } = options;
  for (const [name, value] of Object.entries({ executor, tokenizer, memory })) {
    if (typeof value !== "object" || value === null) throw invalid(name, "given", value);
  }
  for (const [name, value] of Object.entries({ model, engineId })) {
    if (typeof value !== "string" || value === "") {
      throw invalid(name, "a text of at least 1 character", value);
    }
  }
  if ((discovery === undefined) !== (service === undefined)) {
    throw invalid("service", "given exactly when `discovery` is", service === undefined ? "none" : "one");
  }
  const vocabSize = Math.min(executor.vocabSize, tokenizer.vocabSize);
  for (const tokenId of options.eosTokenIds) {
    if (!Number.isInteger(tokenId) || tokenId < 0 || tokenId >= vocabSize) {
      throw invalid("eosTokenIds", `token ids from 0 to ${vocabSize - 1}`, tokenId);
    }
  }
  const { kvStorage, plan, maxLogitRows } = executor;
  if (!(maxLogitRows >= kvStorage.slotCount)) {
    throw invalid("executor.maxLogitRows", `at least ${kvStorage.slotCount}, one per sequence`, maxLogitRows);
  }
  return Object.freeze({
    executor,
    tokenizer,
    eosTokenIds: new Set(options.eosTokenIds),
    model,
    engineId,
    memory,
    clock: options.clock ?? systemClock,
    events: options.events ?? silentEvents,
    health: options.health,
    discovery,
    service,
    limits: resolveLimits(options.limits ?? {}, executor),
    random: options.random ?? Math.random,
    vocabSize,
    contextTokens: Math.min(plan.contextTokens, kvStorage.slotTokens),
  });
}

function resolveLimits(limits: Partial<EngineLimits>, executor: Executor): EngineLimits {
  assertKnown("limits", limits, limitNames);
  const count = (name: keyof EngineLimits, fallback: number, most: number): number => {
    const value = limits[name] ?? fallback;
    if (Number.isInteger(value) && value >= 1 && value <= most) return value;
    throw invalid(`limits.${name}`, `an integer from 1 to ${most}`, value);
  };
  const largest = 0x7fffffff;
  const maxTokensPerStep = count("maxTokensPerStep", 256, 1 << 20);
  const mostRunning = Math.min(executor.kvStorage.slotCount, maxTokensPerStep);
  return Object.freeze({
    maxQueuedRequests: count("maxQueuedRequests", 256, largest),
    maxQueuedTokens: count("maxQueuedTokens", 131_072, largest),
    maxTokensPerStep,
    stepTimeMs: count("stepTimeMs", 100, largest),
    maxChunkTokens: count("maxChunkTokens", maxTokensPerStep, maxTokensPerStep),
    maxRunningSequences: count("maxRunningSequences", mostRunning, mostRunning),
    stallAfterMs: count("stallAfterMs", 30_000, largest),
  });
}

function assertKnown(name: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw invalid(name, `one or more of ${known.join(", ")}`, key);
  }
}

function invalid(name: string, wanted: string, found: unknown): InferenceError {
  return new InferenceError(
    "INVALID_ENGINE_OPTIONS",
    `\`${name}\` must be ${wanted}; found ${String(found)}`,
  );
}
