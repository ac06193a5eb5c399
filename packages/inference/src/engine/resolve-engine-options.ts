import { InferenceError, quoteValue } from "../errors.ts";
import { type EngineEventSink, silentEvents } from "../events.ts";
import type { Executor } from "../executors/executor.ts";
import { createKvCache } from "../kv/create-kv-cache.ts";
import type { KvCache } from "../kv/kv-cache.ts";
import type { ClockPort, DiscoveryPort, HealthPort, MemoryPort, TokenDecoderPort } from "../ports.ts";
import {
  type ResolvedSpeculation,
  resolveSpeculation,
  type SpeculationOptions,
} from "../speculation/resolve-speculation.ts";

/** Limits of an engine. Defaults in brackets. */
export interface EngineLimits {
  /** Requests in the queue beyond those that could run at once. [256] */
  readonly maxQueuedRequests: number;
  /** Prompt tokens in the queue; a request alone in the queue is always taken. [131072] */
  readonly maxQueuedTokens: number;
  /** Tokens of one forward pass at most. [256] */
  readonly maxTokensPerStep: number;
  /**
   * How long the prefill part of a step should take where a sequence gets a token from it, and a quarter of how long
   * where none does: chunks of prompts are sized by the time of earlier steps, but never below 32 tokens. It bounds
   * how long decodes wait, and how late a cancelled prompt leaves. [100]
   */
  readonly stepTimeMs: number;
  /** Tokens of an answer that a stream gathers for one delta, but for its first and its last one. [1] */
  readonly streamIntervalTokens: number;
  /** Tokens of one prompt in one step. [maxTokensPerStep] */
  readonly maxChunkTokens: number;
  /** [the sequences that the KV cache holds, at most maxTokensPerStep] */
  readonly maxRunningSequences: number;
  /** The health check fails when there is work and no step for this long; Infinity: never. [30000] */
  readonly stallAfterMs: number;
}

/** The service that the engine registers. */
export type EngineService = Parameters<DiscoveryPort["register"]>[0];

/** Options of `createEngine`. Defaults in brackets. */
export interface EngineOptions<
  Memory extends MemoryPort = MemoryPort,
  Health extends HealthPort | undefined = undefined,
  Discovery extends DiscoveryPort | undefined = undefined,
> {
  /** Owned by the caller, who disposes it after the engine. */
  readonly executor: Executor;
  readonly tokenizer: TokenDecoderPort;
  /** Tokens that end an answer. */
  readonly eosTokenIds: readonly number[];
  /** The model's name, for events and the memory's ledger. */
  readonly model: string;
  /** Identifies the engine in events, beside `model`. ["0"] */
  readonly engineId?: string;
  /** Holds the sampler's scratch memory. */
  readonly memory: Memory;
  /** [performance] */
  readonly clock?: ClockPort;
  /** [events are dropped] */
  readonly events?: EngineEventSink;
  readonly health?: Health;
  /** With `service`: registered when the engine starts, deregistered when it is disposed. */
  readonly discovery?: Discovery;
  readonly service?: EngineService | undefined;
  readonly limits?: Partial<EngineLimits>;
  /** Whether a step is begun while the one before it runs, where the executor can and the host samples none of its rows. [true] */
  readonly runsAhead?: boolean;
  /** [only for requests that predict their answer] */
  readonly speculation?: SpeculationOptions;
  /** Uniform in [0, 1); seeds requests that have no seed. [Math.random] */
  readonly random?: () => number;
}

type AnyEngineOptions = EngineOptions<MemoryPort, HealthPort | undefined, DiscoveryPort | undefined>;
type OptionalPort = "health" | "discovery" | "service";

/** Options with defaults filled in. */
export interface ResolvedEngineOptions
  extends
    Required<Omit<AnyEngineOptions, OptionalPort | "eosTokenIds" | "limits" | "speculation">>,
    Pick<AnyEngineOptions, OptionalPort> {
  readonly eosTokenIds: ReadonlySet<number>;
  readonly limits: EngineLimits;
  readonly speculation: ResolvedSpeculation;
  /** Over the executor's storage. */
  readonly kvCache: KvCache;
  /** Tokens that the executor computes and the tokenizer decodes. */
  readonly vocabSize: number;
  readonly contextTokens: number;
}

const optionNames: readonly (keyof EngineOptions)[] = [
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
  "runsAhead",
  "speculation",
  "random",
];
const limitNames: readonly (keyof EngineLimits)[] = [
  "maxQueuedRequests",
  "maxQueuedTokens",
  "maxTokensPerStep",
  "stepTimeMs",
  "streamIntervalTokens",
  "maxChunkTokens",
  "maxRunningSequences",
  "stallAfterMs",
];

/** @throws InferenceError `INVALID_ENGINE_OPTIONS` */
export function resolveEngineOptions(options: AnyEngineOptions): ResolvedEngineOptions {
  assertKnown("options", options, optionNames);
  const { executor, tokenizer, model, engineId = "0", memory, discovery, service } = options;
  for (const [name, value] of Object.entries({ executor, tokenizer, memory })) {
    if (typeof value !== "object" || value === null) throw invalid(name, "an object", value);
  }
  for (const [name, value] of Object.entries({ model, engineId })) {
    if (typeof value !== "string" || value === "") {
      throw invalid(name, "a string that is not empty", value);
    }
  }
  if ((discovery === undefined) !== (service === undefined)) {
    throw invalid(
      service === undefined ? "service" : "discovery",
      "both `service` and `discovery`, or neither",
      undefined,
    );
  }
  const vocabSize = Math.min(executor.vocabSize, tokenizer.vocabSize);
  for (const tokenId of options.eosTokenIds) {
    if (!Number.isInteger(tokenId) || tokenId < 0 || tokenId >= vocabSize) {
      throw invalid("eosTokenIds", `token ids from 0 to ${vocabSize - 1}`, tokenId);
    }
  }
  const { runsAhead = true } = options;
  if (typeof runsAhead !== "boolean") throw invalid("runsAhead", "true or false", runsAhead);
  const { kvStorage, canSample = false } = executor;
  const canRunAhead = executor.canRunAhead === true && canSample && kvStorage.layout === "pages";
  const kvCache = createKvCache(kvStorage);
  const { maxSequences, sequenceCapacityTokens } = kvCache;
  if (!(executor.maxLogitRows >= maxSequences)) {
    const expected = `at least ${maxSequences}, one per sequence`;
    throw invalid("executor.maxLogitRows", expected, executor.maxLogitRows);
  }
  return Object.freeze({
    executor,
    kvCache,
    tokenizer,
    eosTokenIds: new Set(options.eosTokenIds),
    model,
    engineId,
    memory,
    clock: options.clock ?? performance,
    events: options.events ?? silentEvents,
    health: options.health,
    discovery,
    service,
    limits: resolveLimits(options.limits ?? {}, maxSequences),
    runsAhead: runsAhead && canRunAhead,
    speculation: resolveSpeculation(options.speculation ?? {}, kvStorage.layout),
    random: options.random ?? Math.random,
    vocabSize,
    contextTokens: Math.min(executor.plan.contextTokens, sequenceCapacityTokens),
  });
}

function resolveLimits(limits: Partial<EngineLimits>, maxSequences: number): EngineLimits {
  assertKnown("limits", limits, limitNames);
  const count = (name: keyof EngineLimits, fallback: number, most: number): number => {
    const value = limits[name] ?? fallback;
    if (Number.isInteger(value) && value >= 1 && value <= most) return value;
    throw invalid(`limits.${name}`, `an integer from 1 to ${most}`, value);
  };
  const largest = 0x7fffffff;
  const maxTokensPerStep = count("maxTokensPerStep", 256, 1 << 20);
  const mostRunning = Math.min(maxSequences, maxTokensPerStep);
  return Object.freeze({
    maxQueuedRequests: count("maxQueuedRequests", 256, largest),
    maxQueuedTokens: count("maxQueuedTokens", 131_072, largest),
    maxTokensPerStep,
    stepTimeMs: count("stepTimeMs", 100, largest),
    streamIntervalTokens: count("streamIntervalTokens", 1, largest),
    maxChunkTokens: count("maxChunkTokens", maxTokensPerStep, maxTokensPerStep),
    maxRunningSequences: count("maxRunningSequences", mostRunning, mostRunning),
    stallAfterMs:
      limits.stallAfterMs === Number.POSITIVE_INFINITY
        ? limits.stallAfterMs
        : count("stallAfterMs", 30_000, largest),
  });
}

function assertKnown(name: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw invalid(name, `fields among ${known.join(", ")}`, key);
  }
}

function invalid(field: string, expected: string, value: unknown): InferenceError {
  return new InferenceError("INVALID_ENGINE_OPTIONS", { field, expected, got: quoteValue(value) });
}
