import type { HealthStatus } from "@infernode/health";
import { createEngine, type Executor, type HealthPort, type InferenceEngine } from "@infernode/inference";
import {
  createHostMemoryPool,
  createMemoryTracker,
  type HostMemoryPool,
  type MemoryTracker,
} from "@infernode/memory";
import type { LanguageModel } from "@infernode/models";
import type { WeightMode } from "../../weight-mode.ts";
import { engineDefaults } from "../../config/engine-defaults.ts";
import { describeUnusedSettings } from "../../config/executor-settings.ts";
import { labelEvents } from "../../events/label-events.ts";
import { createAnswerReader, type AnswerReader } from "../../parsers/answer/create-answer-reader.ts";
import { describeChat } from "./describe-chat.ts";
import { createAdapterTable } from "./adapter-table.ts";
import type { LocalModel } from "../model-service.ts";
import { createOperationFinder, operations } from "../../operations/registry.ts";
import type {
  CreateEngineCore,
  EngineCore,
  EngineCoreDependencies,
  EngineCoreOptions,
} from "./engine-core.ts";
import { type ExecutorChoice, type OpenedProvider, openProvider } from "./choose-executor.ts";
import { createKvRangeSource } from "./kv-range-source.ts";
import { engineLimits, executorSettings, speculationOptions } from "./passed-options.ts";
import { chunkTokensOf } from "./plan-model.ts";
import { prepareModel, type PreparedModel } from "./prepare-model.ts";
import { createConstraintService } from "../constraints/constraint-service.ts";
import { startPackagedConstraintThread } from "../constraints/constraint-thread.ts";
import { createPromptPool, type PromptPool } from "../prompts/prompt-pool.ts";
import { createPromptService } from "../prompts/prompt-service.ts";
import { startModelPromptThread } from "../prompts/start-model-prompt-thread.ts";
import { releaseAfter } from "./release-after.ts";

interface Parts {
  readonly model: LanguageModel;
  readonly executor: Executor;
  readonly choice: ExecutorChoice;
  readonly opened: OpenedProvider;
  readonly quantization: WeightMode;
  readonly engine: InferenceEngine;
  readonly memory: HostMemoryPool;
  readonly tracker: MemoryTracker;
  readonly health: { status(): HealthStatus };
  readonly answers: AnswerReader;
  readonly answerMemoryBytes: number;
}

/** Resident memory of this process; 0 where the system does not report it, as without `/proc`. */
function residentBytes(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return 0;
  }
}

/** Captures the one check that an engine adds, for the heartbeat. */
function captureHealthCheck(): HealthPort & { status(): HealthStatus } {
  let kept: Parameters<HealthPort["addCheck"]>[0] | undefined;
  return {
    addCheck: (check) => {
      kept = check;
      return () => {
        kept = undefined;
      };
    },
    status: () => kept?.check() ?? { status: "healthy", reasons: [] },
  };
}

interface AssembleDependencies extends EngineCoreDependencies {
  /** The tokens of a text. */
  readonly encode: (text: string) => Promise<readonly number[]>;
}

async function assemble(
  prepared: PreparedModel,
  options: EngineCoreOptions,
  { events, onLoadProgress = () => undefined, onDeviceLost, encode }: AssembleDependencies,
): Promise<Parts> {
  const { stored, choice, writeWeights, quantization, sizes, device, answerMemoryBytes } = prepared;
  const { plan, room } = prepared.memory;
  const { gpuMemory } = prepared;
  const { model, hasFiniteWeights, release } = await writeWeights({
    onProgress: onLoadProgress,
    onWarning: (message) => process.emitWarning(message),
  });
  const labels = { model: model.name, engine: options.engineId ?? "0" };
  const memoryEvents = labelEvents(events, labels);
  const tracker = createMemoryTracker({
    events: memoryEvents,
    limits: Object.fromEntries(
      [room, gpuMemory?.room].flatMap((each) => (each ? [[each.deviceId, each.availableBytes]] : [])),
    ),
  });
  tracker.plan(plan);
  if (gpuMemory !== undefined) tracker.plan(gpuMemory.plan);
  const memory = createHostMemoryPool({
    device,
    limitBytes: room.availableBytes,
    ledger: tracker,
    events: memoryEvents,
  });
  const health = captureHealthCheck();
  const startBytes = residentBytes();
  let runtimeBytes = startBytes;
  const opened = await openProvider(choice, {
    limitBytes: gpuMemory?.room.availableBytes,
    ledger: tracker,
    events: memoryEvents,
  });
  const executor = await opened.provider
    .create({
      model,
      memory,
      hasFiniteWeights,
      ...executorSettings(options, prepared),
      maxChunkTokens: chunkTokensOf(options, sizes),
      kvRanges: createKvRangeSource({ stored, model, options, encode }),
      onWarning: ({ message }) => process.emitWarning(message),
      onRuntimeOpened: () => {
        runtimeBytes = residentBytes();
      },
      onDeviceLost,
    })
    .catch((error: unknown) => releaseAfter(error, () => opened[Symbol.dispose]()))
    .finally(release);
  if (gpuMemory === undefined) {
    // The runtime packs the weights into its own memory. The pool's pages have not been touched yet.
    const weightsBytes = Math.max(0, residentBytes() - runtimeBytes);
    tracker.record({ model: model.name, purpose: "weights", label: "packed" }, room.deviceId, weightsBytes);
  }
  const libraryBytes = Math.max(0, runtimeBytes - startBytes);
  tracker.record({ model: model.name, purpose: "other", label: "runtime" }, room.deviceId, libraryBytes);
  const engine = createEngine({
    executor,
    tokenizer: model.tokenizer,
    eosTokenIds: model.config.eosTokenIds,
    model: labels.model,
    engineId: labels.engine,
    memory,
    events,
    health,
    // The supervisor detects stalls: it also sees a process that sends nothing.
    runsAhead: options.runsAhead ?? engineDefaults.runsAhead,
    speculation: speculationOptions(options),
    limits: { ...engineLimits(options), stallAfterMs: Number.POSITIVE_INFINITY },
  });
  const answers = createAnswerReader({
    template: model.chatTemplate?.source,
    toolParser: options.toolParser,
    reasoningParser: options.reasoningParser,
    tokens: model.tokenizer,
    vocabSize: model.config.vocabSize,
  });
  return {
    model,
    executor,
    choice,
    opened,
    quantization,
    engine,
    memory,
    tracker,
    health,
    answers,
    answerMemoryBytes,
  };
}

function describe(parts: Parts): LocalModel {
  const { model, executor, choice, quantization, answers, answerMemoryBytes } = parts;
  return {
    id: model.name,
    family: model.config.family,
    parameterCount: model.weights.parameterCount,
    contextTokens: executor.plan.contextTokens,
    vocabSize: model.config.vocabSize,
    hasChatTemplate: model.chatTemplate !== undefined,
    ...(model.chatTemplate === undefined
      ? {}
      : { chat: describeChat(model.chatTemplate.source, answers.format) }),
    generationDefaults: model.generationDefaults,
    executor: executor.name,
    executorReason: choice.reason,
    device: choice.gpu?.id ?? "cpu",
    quantization,
    memoryPlan: executor.plan,
    answerMemoryBytes,
    createdAt: Math.floor(Date.now() / 1000),
  };
}

/** Encodes a text before there are limits of a queue. */
async function encodeText(pool: PromptPool, text: string): Promise<readonly number[]> {
  const limits = { requests: 1, characters: text.length };
  const prompt = { kind: "text", text } as const;
  const contextTokens = text.length;
  const result = await pool.run({ kind: "encode", prompt, contextTokens, purpose: "inspection", limits });
  return result.type === "tokens" ? Array.from(result.tokenIds) : result.description.tokenIds;
}

/** The reason of the first rejection. */
function firstReason(...results: readonly PromiseSettledResult<unknown>[]): unknown {
  return results.find((result) => result.status === "rejected")?.reason;
}

/** Loads the model, plans its memory and creates the engine of this process. */
export const createEngineCore: CreateEngineCore = async (options, dependencies) => {
  const { reserveMemory, verifyGpu, keptExecutor: kept } = dependencies;
  const prepared = await prepareModel(options, { encodes: false, reserveMemory, verifyGpu, kept });
  const { model, choice } = prepared;
  if (choice.warning !== undefined) process.emitWarning(choice.warning);
  for (const text of describeUnusedSettings(options, choice.planner.name)) process.emitWarning(text);
  for (const { message } of model.warnings) process.emitWarning(message);
  const { chatTemplatePath } = options;
  const { startPromptThread = startModelPromptThread } = dependencies;
  const pool = createPromptPool({
    startThread: () => startPromptThread({ directory: model.directory, chatTemplatePath }),
    timeoutMs: options.promptTimeoutMs ?? engineDefaults.promptTimeoutMs,
  });
  const encode = (text: string): Promise<readonly number[]> => encodeText(pool, text);
  const [assembled, loaded] = await Promise.allSettled([
    assemble(prepared, options, { ...dependencies, encode }),
    pool.ready,
  ]);
  const disposeAll = async (): Promise<void> => {
    await pool.dispose();
    if (assembled.status === "fulfilled") {
      const { engine, executor, opened, memory } = assembled.value;
      await engine.dispose();
      await executor.dispose();
      opened[Symbol.dispose]();
      memory.dispose();
    }
    await model.dispose();
  };
  if (assembled.status === "rejected" || loaded.status === "rejected") {
    await disposeAll();
    throw firstReason(loaded, assembled);
  }
  const parts = assembled.value;
  const { engine, executor, memory, answers } = parts;
  const prompts = createPromptService({ pool, engine, options, plan: executor.plan });

  const constraints = createConstraintService({
    startThread: dependencies.startConstraintThread ?? startPackagedConstraintThread,
    tokens: {
      vocabSize: Math.min(model.tokenizer.vocabSize, model.config.vocabSize),
      bytesOf: (tokenId) => model.tokenizer.bytesOf(tokenId),
      marks: new Map(Array.from(answers.markTokenIds, ([mark, tokenId]) => [tokenId, mark])),
    },
    timeoutMs: options.promptTimeoutMs ?? engineDefaults.promptTimeoutMs,
  });

  const find = createOperationFinder(dependencies.operations ?? operations);
  let disposal: Promise<void> | undefined;
  const dispose = (): Promise<void> => (disposal ??= constraints.dispose().then(disposeAll));

  const adapters = createAdapterTable({ storage: executor.adapterStorage, config: model.config });
  try {
    for (const [name, directory] of Object.entries(options.adapters ?? {})) {
      (await adapters.acquire({ name, directory, version: 0 })).release();
    }
  } catch (error) {
    await dispose().catch(() => undefined);
    throw error;
  }
  const operationParts = { engine, prompts, answers, constraints, adapters };
  const core: EngineCore = {
    model: describe(parts),
    description: executor.description,
    stats: () => prompts.stats(),
    heartbeat: () => ({
      health: parts.health.status(),
      pools: [memory.stats(), ...parts.opened.stats()],
      ledger: parts.tracker.snapshot(),
    }),
    call: (operation, input, signal) => find(operation).run(operationParts, input, signal),
    drain: (drainOptions) => engine.drain(drainOptions),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
  return core;
};
