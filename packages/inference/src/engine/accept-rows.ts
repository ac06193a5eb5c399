import { setImmediate as nextTurn } from "node:timers/promises";
import { asInferenceError } from "./as-inference-error.ts";
import type { EngineFact } from "../events.ts";
import type { ForwardResult } from "../executors/executor.ts";
import type { ActiveRequest } from "../requests/active-request.ts";
import type { GeneratedSequence } from "../requests/generated-sequence.ts";
import type { RequestTable } from "../requests/request-table.ts";
import type { Sampler } from "../sampling/sampler.ts";
import type { Scheduler } from "../schedule/scheduler.ts";
import type { StepBatch } from "../schedule/step-batch.ts";
import type { ClockPort } from "../ports.ts";

/** Sampling yields to the event loop after this long. */
const samplingSliceMs = 8;
/** Tokens that one answer takes at a time without logits. */
const maxForcedTokens = 64;

/** What a step computed for one row of logits. */
interface ResultRow {
  readonly result: ForwardResult;
  readonly index: number;
  readonly isSampled: boolean;
}

/** What rows are accepted with. */
export interface AcceptRowsParts {
  readonly clock: ClockPort;
  readonly scheduler: Scheduler<GeneratedSequence>;
  readonly table: RequestTable;
  readonly sampler: Sampler;
  readonly publish: (...fact: EngineFact) => void;
  /** Called for each generated token. */
  readonly onToken: () => void;
}

/** Gives sequences what a batch computed of them: tokens, or the log-probabilities of their prompts. */
export type AcceptRows = (batch: StepBatch<GeneratedSequence>, result: ForwardResult) => Promise<void>;

/** Creates the function that handles the rows of a batch. */
export function createAcceptRows(parts: AcceptRowsParts): AcceptRows {
  const { clock, scheduler, table, sampler, publish, onToken } = parts;

  const countToken = (request: ActiveRequest): void => {
    onToken();
    if (request.firstTokenAtMs !== undefined) return;
    request.firstTokenAtMs = clock.now();
    const timeToFirstTokenMs = request.firstTokenAtMs - request.queuedAtMs;
    publish("inference:first-token", { requestId: request.id, timeToFirstTokenMs });
  };

  const sampleToken = (
    sequence: GeneratedSequence,
    { result, index, isSampled }: ResultRow,
    topCount: number | undefined,
  ): void => {
    if (isSampled) {
      // It throws for logits that nothing should follow, a forced token included.
      const sampledId = result.tokenId!(index);
      const tokenId = sequence.sampling.forcedTokenId ?? sampledId;
      sequence.sampling.accept(tokenId);
      if (topCount === undefined) sequence.accept(tokenId);
      else sequence.accept(tokenId, { tokenId, ...result.logprobs!(index) });
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
    // It ended while this row was computed ahead.
    if (sequence.finishReason !== undefined) return;
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
      table.end(request, { kind: "failed", reason: asInferenceError(error) });
      return;
    }
    request.stream.notify(sequence);
    if (sequence.finishReason === undefined) return;
    scheduler.remove(sequence);
    if (request.isFinished) table.end(request, { kind: "finished", result: request.finish(clock.now()) });
  };

  return async (batch, result) => {
    let sliceStartMs = clock.now();
    let index = 0;
    for (let at = 0; at < batch.chunkCount; at += 1) {
      const end = batch.startPositions[at]! + batch.lengths[at]!;
      for (let position = end - batch.logitCounts[at]!; position < end; position += 1) {
        const isSampled = batch.sampling?.isSampled[index] === 1;
        acceptRow(batch.sequences[at]!, position, { result, index, isSampled });
        index += 1;
        if (clock.now() - sliceStartMs > samplingSliceMs) {
          await nextTurn();
          sliceStartMs = clock.now();
        }
      }
    }
  };
}
