import { setImmediate as nextTurn } from "node:timers/promises";
import { InferenceError } from "../errors.ts";
import type { EngineFact } from "../events.ts";
import type { ForwardResult } from "../executors/executor.ts";
import type { GeneratedSequence } from "../requests/generated-sequence.ts";
import { createPrefillBudget } from "../schedule/prefill-budget.ts";
import type { RequestTable } from "../requests/request-table.ts";
import { createAcceptRows } from "./accept-rows.ts";
import { asInferenceError } from "./as-inference-error.ts";
import type { ResolvedEngineOptions } from "./resolve-engine-options.ts";
import { SampledRows } from "./sampled-rows.ts";
import type { Sampler } from "../sampling/sampler.ts";
import type { Scheduler } from "../schedule/scheduler.ts";
import { StepBatch } from "../schedule/step-batch.ts";

/** Totals since the engine's start, and the last step. */
export interface StepCounters {
  readonly stepCount: number;
  readonly aheadStepCount: number;
  readonly hostHeldStepCount: number;
  readonly memoryHeldStepCount: number;
  readonly proposalHeldStepCount: number;
  readonly proposedTokenCount: number;
  readonly confirmedTokenCount: number;
  readonly proposalCount: number;
  readonly promptTokenCount: number;
  readonly generatedTokenCount: number;
  readonly lastStepMs: number;
  readonly lastStepAtMs: number | undefined;
  readonly lastFailure: string | undefined;
}

/** What a step is made in; two of them take turns where steps run ahead. */
interface StepPlace {
  readonly batch: StepBatch<GeneratedSequence>;
  readonly sampledRows: SampledRows | undefined;
}

/** A step whose forward was begun. */
interface RunningStep extends StepPlace {
  readonly startedAtMs: number;
  readonly forwardAtMs: number;
  readonly result: Promise<ForwardResult>;
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

/**
 * Creates a loop that sleeps until it is woken.
 *
 * Where the executor runs ahead, a step is begun as soon as the one before it runs, from whose rows it takes its tokens: so
 * the executor has work while the host handles results. It is not begun behind a row that the host samples or that is
 * edited, as the next edits of its sequence depend on its token, nor where a sequence would have to be preempted or is likely
 * to have proposals, which begin with its tokens. What was
 * computed ahead of a sequence that turns out to have ended is dropped. Its storage is free at once: whoever gets it writes
 * behind that step.
 */
export function createStepLoop(parts: StepLoopParts): StepLoop {
  const { options, scheduler, table, publish } = parts;
  const { clock, executor, kvCache, limits } = options;
  const createPlace = (): StepPlace => ({
    batch: new StepBatch<GeneratedSequence>({
      maxChunks: limits.maxRunningSequences,
      maxTokens: limits.maxTokensPerStep,
      blockTableStride: kvCache.blockTableStride,
    }),
    sampledRows:
      executor.canSample === true
        ? new SampledRows({
            maxRows: executor.maxLogitRows,
            tokenCount: options.vocabSize,
            edits: executor.editCapacity && {
              vocabSize: executor.vocabSize,
              capacity: executor.editCapacity,
              clock,
            },
            maxTopCount: executor.maxTopCount,
            ownerOf: (sequence) => table.ownerOf(sequence),
          })
        : undefined,
  });
  let free = createPlace();
  /** Where steps do not run ahead, all are made in one place. */
  let other = options.runsAhead ? createPlace() : free;
  const prefillBudget = createPrefillBudget({
    targetMs: limits.stepTimeMs,
    maxTokens: limits.maxTokensPerStep,
  });
  const counters = {
    stepCount: 0,
    aheadStepCount: 0,
    hostHeldStepCount: 0,
    memoryHeldStepCount: 0,
    proposalHeldStepCount: 0,
    proposedTokenCount: 0,
    confirmedTokenCount: 0,
    proposalCount: 0,
    promptTokenCount: 0,
    generatedTokenCount: 0,
    lastStepMs: 0,
    lastStepAtMs: undefined as number | undefined,
    lastFailure: undefined as string | undefined,
  };
  const acceptRows = createAcceptRows({
    ...parts,
    clock,
    onToken: () => {
      counters.generatedTokenCount += 1;
    },
    onProposals: (proposedCount, confirmedCount) => {
      counters.proposalCount += 1;
      counters.proposedTokenCount += proposedCount;
      counters.confirmedTokenCount += confirmedCount;
    },
  });
  let running: Promise<void> | undefined;
  /** The step that was begun ahead. */
  let ahead: RunningStep | undefined;
  /** When the last forward had run. */
  let idleSinceMs = 0;

  /** Begins the forward of a place whose batch is full. */
  const launch = (place: StepPlace, startedAtMs: number): RunningStep => {
    const { batch, sampledRows } = place;
    for (const sequence of batch.sequences) table.markScheduled(table.ownerOf(sequence)!);
    batch.sampling = sampledRows?.describe(batch);
    const forwardAtMs = clock.now();
    const result = executor.forward(batch);
    // It is awaited when the step before it has ended.
    result.catch(() => {});
    [free, other] = [other, free];
    return { batch, sampledRows, startedAtMs, forwardAtMs, result };
  };

  const begin = (): RunningStep => {
    const startedAtMs = clock.now();
    scheduler.schedule(free.batch, prefillBudget);
    if (free.batch.chunkCount === 0) {
      const expected = "room for the first waiting sequence in an idle KV cache";
      const got = `none, with ${scheduler.waitingCount} waiting`;
      throw new InferenceError("KV_CACHE_FULL", { expected, got });
    }
    return launch(free, startedAtMs);
  };

  /** Begins the step behind a running one, if it can be. */
  const beginAhead = (step: RunningStep): RunningStep | undefined => {
    if (!options.runsAhead) return undefined;
    if (step.batch.proposalCount > 0 || scheduler.expectsProposals(step.batch)) {
      counters.proposalHeldStepCount += 1;
      return undefined;
    }
    if (step.sampledRows?.areAllPlain !== true) {
      counters.hostHeldStepCount += 1;
      return undefined;
    }
    const startedAtMs = clock.now();
    const scheduled = scheduler.scheduleAhead(free.batch, step.batch, prefillBudget);
    if (scheduled === "no-room") counters.memoryHeldStepCount += 1;
    if (scheduled !== "scheduled") return undefined;
    counters.aheadStepCount += 1;
    return launch(free, startedAtMs);
  };

  const finish = async (step: RunningStep): Promise<void> => {
    const { batch } = step;
    const forwardStartMs = Math.max(step.forwardAtMs, idleSinceMs);
    table.beginForward();
    let result: ForwardResult;
    try {
      result = await step.result;
    } finally {
      table.endForward();
      idleSinceMs = clock.now();
    }
    counters.lastFailure = undefined;
    const { prefillTokenCount } = batch;
    const decodeTokenCount = batch.tokenCount - prefillTokenCount - batch.proposalCount;
    prefillBudget.observe({ prefillTokenCount, decodeTokenCount, forwardMs: idleSinceMs - forwardStartMs });
    scheduler.advance(batch);
    await acceptRows(batch, result);
    const finishedAtMs = clock.now();
    counters.stepCount += 1;
    counters.promptTokenCount += batch.prefillTokenCount;
    counters.lastStepMs = finishedAtMs - Math.max(step.startedAtMs, counters.lastStepAtMs ?? 0);
    counters.lastStepAtMs = finishedAtMs;
  };

  const publishStep = ({ batch }: RunningStep): void => {
    publish("inference:step-finished", {
      stepMs: counters.lastStepMs,
      prefillTokenCount: batch.prefillTokenCount,
      decodeTokenCount: batch.tokenCount - batch.prefillTokenCount - batch.proposalCount,
      runningSequenceCount: scheduler.runningCount,
      waitingRequestCount: table.waitingCount,
      kvCacheUsage: kvCache.usage(),
    });
  };

  /** Fails the requests in a failed step; the others go on. */
  const failStep = (cause: unknown, batch: StepBatch<GeneratedSequence>): void => {
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

  const step = async (): Promise<void> => {
    let current = ahead;
    ahead = undefined;
    let { batch } = current ?? free;
    try {
      current ??= begin();
      batch = current.batch;
      ahead = beginAhead(current);
      await finish(current);
      publishStep(current);
    } catch (error) {
      // Where the step behind it could not be begun, it still runs.
      await current?.result.catch(() => {});
      failStep(error, batch);
    }
  };

  const run = async (): Promise<void> => {
    for (;;) {
      // Requests made in the same turn join the same step; timers and sockets get their turn.
      await nextTurn();
      if (table.activeCount === 0 && ahead === undefined) break;
      await step();
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
