import { setImmediate as nextTurn } from "node:timers/promises";
import type { ActiveRequest } from "../requests/active-request.ts";
import { InferenceError, reasonOf } from "../errors.ts";
import type { EngineFact } from "../events.ts";
import type { ForwardResult } from "../executors/executor.ts";
import type { GeneratedSequence } from "../requests/generated-sequence.ts";
import { createPrefillBudget } from "../schedule/prefill-budget.ts";
import type { RequestTable } from "../requests/request-table.ts";
import type { ResolvedEngineOptions } from "./resolve-engine-options.ts";
import { SampledRows } from "./sampled-rows.ts";
import type { Sampler } from "../sampling/sampler.ts";
import type { Scheduler } from "../schedule/scheduler.ts";
import { StepBatch } from "../schedule/step-batch.ts";

/** Sampling yields to the event loop after this long. */
const samplingSliceMs = 8;
/** Tokens that one answer takes at a time without logits. */
const maxForcedTokens = 64;

/** Totals since the engine's start, and the last step. */
export interface StepCounters {
  readonly stepCount: number;
  readonly promptTokenCount: number;
  readonly generatedTokenCount: number;
  readonly lastStepMs: number;
  readonly lastStepAtMs: number | undefined;
  readonly lastFailure: string | undefined;
}

/** What a step computed for one row of logits. */
interface ResultRow {
  readonly result: ForwardResult;
  readonly index: number;
}

/** Steps while there are requests, and sleeps otherwise. */
export interface StepLoop {
  readonly counters: StepCounters;
  /** Starts the loop if it sleeps. */
  wake(): void;
  /** Resolves when the loop sleeps. */
  whenAsleep(): Promise<void>;
}

/** What a step loop runs on. */
export interface StepLoopParts {
  readonly options: ResolvedEngineOptions;
  readonly scheduler: Scheduler<GeneratedSequence>;
  readonly table: RequestTable;
  readonly sampler: Sampler;
  readonly publish: (...fact: EngineFact) => void;
}

/** Creates a loop that sleeps until it is woken. */
export function createStepLoop(parts: StepLoopParts): StepLoop {
  const { options, scheduler, table, sampler, publish } = parts;
  const { clock, executor, kvCache, limits } = options;
  const batch = new StepBatch<GeneratedSequence>({
    maxChunks: limits.maxRunningSequences,
    maxTokens: limits.maxTokensPerStep,
    blockTableStride: kvCache.blockTableStride,
  });
  const sampledRows = executor.canSample
    ? new SampledRows({
        maxRows: executor.maxLogitRows,
        tokenCount: options.vocabSize,
        ownerOf: (sequence) => table.ownerOf(sequence),
      })
    : undefined;
  const prefillBudget = createPrefillBudget({
    targetMs: limits.stepTimeMs,
    maxTokens: limits.maxTokensPerStep,
  });
  const counters = {
    stepCount: 0,
    promptTokenCount: 0,
    generatedTokenCount: 0,
    lastStepMs: 0,
    lastStepAtMs: undefined as number | undefined,
    lastFailure: undefined as string | undefined,
  };
  let running: Promise<void> | undefined;

  const failRequest = (request: ActiveRequest, cause: unknown): void => {
    table.end(request, { kind: "failed", reason: asInferenceError(cause) });
  };

  const countToken = (request: ActiveRequest): void => {
    counters.generatedTokenCount += 1;
    if (request.firstTokenAtMs !== undefined) return;
    request.firstTokenAtMs = clock.now();
    const timeToFirstTokenMs = request.firstTokenAtMs - request.queuedAtMs;
    publish("inference:first-token", { requestId: request.id, timeToFirstTokenMs });
  };

  const sampleToken = (
    sequence: GeneratedSequence,
    { result, index }: ResultRow,
    topCount: number | undefined,
  ): void => {
    if (batch.sampling?.isSampled[index] === 1) {
      const tokenId = result.tokenId!(index);
      sequence.sampling.accept(tokenId);
      sequence.accept(tokenId);
    } else if (topCount === undefined) {
      sequence.accept(sampler.sample(result.row(index), sequence.sampling));
    } else {
      const sampled = sampler.sampleWithLogprobs(result.row(index), sequence.sampling, topCount);
      sequence.accept(sampled.tokenId, sampled);
    }
  };

  /** Takes what must follow, whatever the logits; not where the log-probabilities of each token are asked for. */
  const takeForced = (sequence: GeneratedSequence, request: ActiveRequest): void => {
    if (request.logprobs !== undefined) return;
    for (let count = 0; count < maxForcedTokens && sequence.finishReason === undefined; count += 1) {
      const tokenId = sequence.sampling.forcedTokenId;
      if (tokenId === undefined) return;
      sequence.sampling.accept(tokenId);
      sequence.accept(tokenId);
      countToken(request);
    }
  };

  /** Handles what was computed after the token at `position`. */
  const acceptRow = (sequence: GeneratedSequence, position: number, row: ResultRow): void => {
    const request = table.ownerOf(sequence);
    if (request === undefined || sequence.pendingTokenIds.length > 0) return;
    try {
      const promptTokenId = sequence.promptTokenIds[position + 1];
      if (promptTokenId !== undefined) {
        // Known before the sequence was preempted.
        if (position + 1 < sequence.promptLogprobCount) return;
        const logits = row.result.row(row.index);
        sequence.acceptPromptLogprob(sampler.logprobsOf(logits, promptTokenId, request.promptLogprobs ?? 0));
        return;
      }
      if (sequence.maxTokens === 0) sequence.finishAtPrompt();
      else sampleToken(sequence, row, request.logprobs);
      if (sequence.tokenCount > 0) countToken(request);
      takeForced(sequence, request);
    } catch (error) {
      failRequest(request, error);
      return;
    }
    request.stream.notify(sequence);
    if (sequence.finishReason === undefined) return;
    scheduler.remove(sequence);
    if (request.isFinished) table.end(request, { kind: "finished", result: request.finish(clock.now()) });
  };

  const sampleRows = async (result: ForwardResult): Promise<void> => {
    let sliceStartMs = clock.now();
    let rowIndex = 0;
    for (let at = 0; at < batch.chunkCount; at += 1) {
      const end = batch.startPositions[at]! + batch.lengths[at]!;
      for (let position = end - batch.logitCounts[at]!; position < end; position += 1) {
        acceptRow(batch.sequences[at]!, position, { result, index: rowIndex });
        rowIndex += 1;
        if (clock.now() - sliceStartMs > samplingSliceMs) {
          await nextTurn();
          sliceStartMs = clock.now();
        }
      }
    }
  };

  const forward = async (): Promise<ForwardResult> => {
    table.beginForward();
    try {
      return await executor.forward(batch);
    } finally {
      table.endForward();
    }
  };

  const step = async (): Promise<void> => {
    const startedAtMs = clock.now();
    scheduler.schedule(batch, prefillBudget);
    if (batch.chunkCount === 0) {
      const expected = "room for the first waiting sequence in an idle KV cache";
      const got = `none, with ${scheduler.waitingCount} waiting`;
      throw new InferenceError("KV_CACHE_FULL", { expected, got });
    }
    for (const sequence of batch.sequences) table.markScheduled(table.ownerOf(sequence)!);
    batch.sampling = sampledRows?.describe(batch);
    const forwardStartMs = clock.now();
    const result = await forward();
    counters.lastFailure = undefined;
    const { prefillTokenCount } = batch;
    const decodeTokenCount = batch.tokenCount - prefillTokenCount;
    prefillBudget.observe({ prefillTokenCount, decodeTokenCount, forwardMs: clock.now() - forwardStartMs });
    scheduler.advance(batch);
    await sampleRows(result);
    const finishedAtMs = clock.now();
    counters.stepCount += 1;
    counters.promptTokenCount += batch.prefillTokenCount;
    counters.lastStepMs = finishedAtMs - startedAtMs;
    counters.lastStepAtMs = finishedAtMs;
  };

  const publishStep = (): void => {
    publish("inference:step-finished", {
      stepMs: counters.lastStepMs,
      prefillTokenCount: batch.prefillTokenCount,
      decodeTokenCount: batch.tokenCount - batch.prefillTokenCount,
      runningSequenceCount: scheduler.runningCount,
      waitingRequestCount: table.waitingCount,
      kvCacheUsage: kvCache.usage(),
    });
  };

  /** Fails the requests in a failed step; the others go on. */
  const failStep = (cause: unknown): void => {
    const reason = asInferenceError(cause);
    counters.lastFailure = reason.message;
    counters.lastStepAtMs = clock.now();
    const ending = { kind: "failed", reason } as const;
    if (batch.chunkCount === 0) table.endAll(ending);
    for (const sequence of batch.sequences) {
      const request = table.ownerOf(sequence);
      if (request !== undefined) table.end(request, ending);
    }
  };

  const run = async (): Promise<void> => {
    for (;;) {
      // Requests made in the same turn join the same step; timers and sockets get their turn.
      await nextTurn();
      if (table.activeCount === 0) break;
      try {
        await step();
        publishStep();
      } catch (error) {
        failStep(error);
      }
    }
    // In the turn of the check: a request after it starts the loop again.
    running = undefined;
  };

  return {
    counters,
    wake: () => void (running ??= run()),
    whenAsleep: () => running ?? Promise.resolve(),
  };
}

function asInferenceError(cause: unknown): InferenceError {
  if (cause instanceof InferenceError) return cause;
  return new InferenceError("EXECUTOR_FAILED", `the forward pass failed: ${reasonOf(cause)}`, { cause });
}
