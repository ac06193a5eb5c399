import type { EngineEventMap, EngineLabels } from "@infernode/inference";
import type { LocalModel, ModelStats } from "../../src/models/model-service.ts";
import type { GenerateEvent, GenerateInput } from "../../src/operations/generate.ts";
import type { CreateEngineCore, EngineCore, EngineCoreOptions } from "../../src/models/engine/engine-core.ts";
import { createResolvers } from "../../src/create-resolvers.ts";
import type { Prompt, PromptDescription } from "../../src/operations/prompt.ts";
import { runFake } from "./fake-operations.ts";
import type { InfernodeEventSink } from "../../src/events/event-bus.ts";

export const coreOptions: EngineCoreOptions = {
  modelDirectory: "/models/fake",
  maxSequences: 4,
  maxTokensPerStep: 64,
  maxQueuedRequests: 8,
  maxQueuedTokens: 1000,
  runtime: "auto",
};

export const fakeModel: LocalModel = {
  id: "fake",
  family: "llama",
  parameterCount: 1,
  contextTokens: 64,
  vocabSize: 256,
  hasChatTemplate: false,
  generationDefaults: {},
  executor: "fake",
  executorReason: "a test",
  device: "cpu",
  quantization: "none",
  memoryPlan: {
    weightsBytes: 1,
    kvCacheBytes: 1,
    activationsBytes: 1,
    workspaceBytes: 1,
    totalBytes: 4,
    kvBytesPerToken: 1,
    kvCacheDtype: "float32",
    productPrecision: "float32",
    productLibrary: "none",
    kvHeadDim: 8,
    maxSequences: 4,
    contextTokens: 64,
  },
  answerMemoryBytes: 2 ** 30,
  createdAt: 1,
};

type RequestFinished = EngineEventMap["inference:request-finished"];

/** A core whose every step is made by the test; a prompt's tokens come back one a step. */
export interface FakeCore extends EngineCore {
  readonly running: ReadonlySet<string>;
  /** Gives each running request its next token, and tells of the step. */
  step(): void;
  /** Every step fails from now on, and the requests with it, as those of an engine whose device was lost. */
  loseDevice(): void;
  readonly isDisposed: boolean;
}

export function createFakeCore(
  events: InfernodeEventSink,
  labels: EngineLabels = { model: fakeModel.id, engine: "0" },
  onDeviceLost: (error: Error) => void = () => undefined,
): FakeCore {
  const running = new Set<string>();
  let nextStep = createResolvers<void>();
  let stepCount = 0;
  let isDisposed = false;
  const loss = createResolvers<never>();
  loss.promise.catch(() => undefined);
  let isLost = false;
  let isDraining = false;
  const idle: (() => void)[] = [];
  const stats = (): ModelStats => ({
    stepCount,
    aheadStepCount: 0,
    hostHeldStepCount: 0,
    memoryHeldStepCount: 0,
    proposalHeldStepCount: 0,
    proposalCount: 0,
    proposedTokenCount: 0,
    confirmedTokenCount: 0,
    runningSequenceCount: running.size,
    waitingRequestCount: 0,
    waitingTokenCount: 0,
    preparedPromptCount: 0,
    kvCacheUsage: 0,
    promptTokenCount: 0,
    generatedTokenCount: 0,
    preemptionCount: 0,
    prefixCacheQueriedTokenCount: 0,
    prefixCacheHitTokenCount: 0,
    lastStepMs: 1,
    lastStepAtMs: undefined,
  });
  async function* generate(request: GenerateInput, signal: AbortSignal): AsyncGenerator<GenerateEvent> {
    if (request.prompt.kind !== "tokens") throw new Error("the fake takes tokens only");
    if (isDraining) throw Object.assign(new Error("draining"), { code: "ENGINE_DRAINING" });
    const { tokenIds } = request.prompt;
    yield { type: "accepted", promptTokenCount: tokenIds.length };
    running.add(request.id);
    const abort = aborted(signal);
    try {
      for (const [index, tokenId] of tokenIds.entries()) {
        await Promise.race([nextStep.promise, abort, loss.promise]);
        signal.throwIfAborted();
        const finishReason = index === tokenIds.length - 1 ? "length" : undefined;
        const delta = { index: 0, text: String(tokenId), tokenIds: [tokenId], logprobs: undefined };
        yield { type: "delta", delta: { ...delta, finishReason, stopReason: undefined } };
      }
    } finally {
      running.delete(request.id);
      if (running.size === 0) for (const resolve of idle) resolve();
      if (isLost) events.emit("inference:request-finished", { ...labels, ...failedRequest(request.id) });
    }
    const usage = { promptTokens: tokenIds.length, completionTokens: tokenIds.length, cachedPromptTokens: 0 };
    yield { type: "finished", usage, timings: { queuedMs: 0, timeToFirstTokenMs: 1, totalMs: 2 } };
  }
  const describe = (prompt: Prompt): PromptDescription => {
    if (prompt.kind !== "tokens") throw new Error("the fake takes tokens only");
    const { tokenIds } = prompt;
    return { tokenIds, spellings: tokenIds.map(String), text: tokenIds.join(" ") };
  };
  const dispose = async (): Promise<void> => {
    isDisposed = true;
  };
  return {
    model: { ...fakeModel, id: labels.model },
    description: "a fake",
    running,
    get isDisposed() {
      return isDisposed;
    },
    stats,
    heartbeat: () => ({
      health: { status: "healthy", reasons: [] },
      pools: [
        {
          deviceId: "cpu",
          inUseBytes: 0,
          arenaBytes: 0,
          reservedBytes: 0,
          peakInUseBytes: 0,
          limitBytes: 1,
          liveBlockCount: 0,
          allocationCount: 0,
          largestFreeBytes: 0,
          fragmentation: 0,
        },
      ],
      ledger: { devices: [], plannedBytes: 0, measuredBytes: 0 },
    }),
    call: (operation, input, signal) => runFake({ generate, describe }, { operation, input, signal }),
    step: () => {
      stepCount += 1;
      const step = nextStep;
      nextStep = createResolvers<void>();
      step.resolve();
      events.emit("inference:step-finished", {
        ...labels,
        stepMs: 1,
        prefillTokenCount: 0,
        decodeTokenCount: running.size,
        runningSequenceCount: running.size,
        waitingRequestCount: 0,
        kvCacheUsage: 0,
      });
    },
    loseDevice: () => {
      isLost = true;
      const error = Object.assign(new Error("the device was lost"), { code: "DEVICE_LOST" });
      onDeviceLost(error);
      loss.reject(error);
    },
    drain: async () => {
      isDraining = true;
      if (running.size > 0) await new Promise<void>((resolve) => idle.push(resolve));
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

/** What an engine tells of a request that failed. */
function failedRequest(requestId: string): Omit<RequestFinished, keyof EngineLabels> {
  return {
    requestId,
    finishReason: "error",
    promptTokenCount: 1,
    cachedPromptTokenCount: 0,
    generatedTokenCount: 0,
    longestAnswerTokenCount: 0,
    queuedMs: 0,
    prefillMs: 0,
    decodeMs: 0,
    totalMs: 0,
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** Makes fakes and keeps them. */
export function createFakeCores(): { readonly cores: FakeCore[]; readonly createCore: CreateEngineCore } {
  const cores: FakeCore[] = [];
  return {
    cores,
    createCore: async ({ modelName = fakeModel.id, engineId = "0" }, { events, onDeviceLost }) => {
      const core = createFakeCore(events, { model: modelName, engine: engineId }, onDeviceLost);
      cores.push(core);
      return core;
    },
  };
}
