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
  /** Whether the random number of a row that the executor sampled is still to be used up. */
  readonly isPeeked: boolean;
}

/** A chunk of a batch that ends with proposals. */
interface ProposalChunk {
  readonly batch: StepBatch<GeneratedSequence>;
  readonly result: ForwardResult;
  readonly at: number;
  /** Of logits: the one before the first proposal. */
  readonly firstRow: number;
  /** Behind its tokens, among those of the batch. */
  readonly endToken: number;
}

/** Of the tokens of a batch. */
interface TokenRange {
  readonly start: number;
  readonly end: number;
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
  /** Called for the proposals of a sequence. */
  readonly onProposals: (proposedCount: number, confirmedCount: number) => void;
}

/** Gives sequences what a batch computed of them: tokens, or the log-probabilities of their prompts. */
export type AcceptRows = (batch: StepBatch<GeneratedSequence>, result: ForwardResult) => Promise<void>;

/** Creates the function that handles the rows of a batch. */
export function createAcceptRows(parts: AcceptRowsParts): AcceptRows {
  const { clock, scheduler, table, sampler, publish, onToken, onProposals } = parts;

  /** When the event loop ran last while rows were accepted. */
  let sliceStartMs = 0;
  const startSlice = async (): Promise<void> => {
    await nextTurn();
    sliceStartMs = clock.now();
  };

  const countToken = (request: ActiveRequest): void => {
    onToken();
    if (request.firstTokenAtMs !== undefined) return;
    request.firstTokenAtMs = clock.now();
    const timeToFirstTokenMs = request.firstTokenAtMs - request.queuedAtMs;
    publish("inference:first-token", { requestId: request.id, timeToFirstTokenMs });
  };

  const sampleToken = (
    sequence: GeneratedSequence,
    { result, index, isSampled, isPeeked }: ResultRow,
    topCount: number | undefined,
  ): void => {
    if (isSampled) {
      // It throws for logits that nothing should follow, a forced token included.
      const sampledId = result.tokenId!(index);
      if (isPeeked) sequence.sampling.skipDraw();
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

  /** Drops the pending tokens that are the first of the proposals in a range of the batch: they are computed. Returns how many. */
  const confirm = (sequence: GeneratedSequence, tokenIds: Int32Array, range: TokenRange): number => {
    const { pendingTokenIds } = sequence;
    const most = Math.min(pendingTokenIds.length, range.end - range.start);
    let count = 0;
    while (count < most && pendingTokenIds[count] === tokenIds[range.start + count]) count += 1;
    if (count > 0) scheduler.confirm(sequence, count);
    return count;
  };

  /** Takes the token behind the known ones of a chunk, and one more for each proposal that is it. */
  const acceptProposals = async ({ batch, result, at, firstRow, endToken }: ProposalChunk): Promise<void> => {
    const sequence = batch.sequences[at]!;
    // It was aborted while the batch ran.
    if (table.ownerOf(sequence) === undefined) return;
    const proposalCount = batch.proposalCounts[at]!;
    const firstPosition = batch.startPositions[at]! + batch.lengths[at]! - proposalCount - 1;
    let confirmedCount = 0;
    let isConfirmed = true;
    while (isConfirmed && confirmedCount <= proposalCount) {
      const index = firstRow + confirmedCount;
      const isSampled = batch.sampling?.isSampled[index] === 1;
      acceptRow(sequence, firstPosition + confirmedCount, { result, index, isSampled, isPeeked: true });
      if (clock.now() - sliceStartMs > samplingSliceMs) await startSlice();
      const count = confirm(sequence, batch.tokenIds, {
        start: endToken - proposalCount + confirmedCount,
        end: endToken,
      });
      confirmedCount += count;
      // It may have ended, or have got tokens that nobody proposed.
      isConfirmed = count > 0 && sequence.pendingTokenIds.length === 0 && sequence.cached !== undefined;
    }
    sequence.speculation?.settle(proposalCount, confirmedCount);
    onProposals(proposalCount, confirmedCount);
  };

  return async (batch, result) => {
    sliceStartMs = clock.now();
    let index = 0;
    let endToken = 0;
    for (let at = 0; at < batch.chunkCount; at += 1) {
      const end = batch.startPositions[at]! + batch.lengths[at]!;
      const endRow = index + batch.logitCounts[at]!;
      endToken += batch.lengths[at]!;
      if (batch.proposalCounts[at]! > 0) {
        await acceptProposals({ batch, result, at, firstRow: index, endToken });
        index = endRow;
      }
      for (; index < endRow; index += 1) {
        const isSampled = batch.sampling?.isSampled[index] === 1;
        const position = end - endRow + index;
        acceptRow(batch.sequences[at]!, position, { result, index, isSampled, isPeeked: false });
        if (clock.now() - sliceStartMs > samplingSliceMs) await startSlice();
      }
    }
  };
}
